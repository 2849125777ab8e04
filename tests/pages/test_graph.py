"""The layout of a decision's graph."""

from api.pages.graph import MAX_NODES, NODE_HEIGHT, NODE_WIDTH, lay_out

NONE = {"replaces": [], "replaced_by": [], "rests_on": [], "supports": []}


def rows(*keys):
    return [{"subject": f"decision:{key}", "title": key} for key in keys]


def test_a_decision_without_relations_has_no_graph():
    """Nothing is drawn."""
    assert lay_out("decision:a", NONE) is None


def test_what_came_before_is_at_the_left_and_what_came_after_at_the_right():
    """Edges go forward in time."""
    graph = lay_out("decision:a", {**NONE, "replaces": rows("b"), "rests_on": rows("c"), "replaced_by": rows("d")})

    places = {node.subject: node.x - graph.center.x for node in graph.nodes}
    assert places["decision:b"] < 0
    assert places["decision:c"] < 0
    assert places["decision:d"] > 0


def test_no_two_nodes_overlap_and_all_are_within_the_picture():
    """However many relations there are on each side."""
    many = [f"k{n}" for n in range(40)]
    graph = lay_out("decision:a", {**NONE, "rests_on": rows("b"), "supports": rows(*many)})

    boxes = [(node.x, node.y) for node in (graph.center, *graph.nodes)]
    assert len(boxes) == 1 + 1 + MAX_NODES
    assert len(set(boxes)) == len(boxes)
    for n, (x, y) in enumerate(boxes):
        assert 0 <= x <= graph.width - NODE_WIDTH
        assert 0 <= y <= graph.height - NODE_HEIGHT
        assert not any(abs(x - a) < NODE_WIDTH and abs(y - b) < NODE_HEIGHT for a, b in boxes[:n])
