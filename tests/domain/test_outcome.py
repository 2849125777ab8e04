"""Expected outcomes, what came of them, and reviews on two axes."""

import pytest

from domain.decision_messages import (
    DecisionAccepted,
    DecisionProposed,
    DecisionReviewed,
    ReasoningReviewed,
    ReviewDecision,
    ReviewReasoning,
)
from domain.decision_rights import DecisionRightsSet, DecisionRule
from domain.errors import AlreadyExists, Forbidden, Malformed, NotAllowed, Unknown
from domain.feature import FeatureDropped, FeatureProposed, FeatureShipped
from domain.outcome import ExpectedOutcomeStated, OutcomeRecorded, RecordOutcome, StateExpectedOutcome
from tests.support_story import Story, backdated, fact, given

TEA, CARDS = "decision:tea", "feature:cards"
PROPOSED = fact(TEA, DecisionProposed(title="Sell tea", products=("product:shop",)))
ACCEPTED = fact(TEA, DecisionAccepted(deciders=("person:ann",)))
FEATURE = fact(CARDS, FeatureProposed(title="Cards", products=("product:shop",)))
EXPECT = StateExpectedOutcome(
    subject=TEA, measure="Cups a day", baseline="12", target="40", due_on="2025-12-31", probability=70
)


def stated(key: str = "1", **more: object) -> ExpectedOutcomeStated:
    values = {"measure": "Cups a day", "target": "40", "due_on": "2025-12-31", "by": "person:ann", **more}
    return ExpectedOutcomeStated(expectation=key, **values)


def with_forecast(*facts: object, key: str = "1", **more: object) -> Story:
    return given(PROPOSED, ACCEPTED, fact(TEA, stated(key, **more)), *facts)


def test_an_expected_outcome_says_what_is_measured_by_when_and_how_likely() -> None:
    """An expected outcome is recorded under the next number, in the name of the caller."""
    given(PROPOSED).when(EXPECT).then(fact(TEA, stated(baseline="12", probability=70)))


def test_expected_outcomes_are_numbered_in_order() -> None:
    """A second expected outcome of the same subject has the number 2."""
    with_forecast().when(EXPECT).then(fact(TEA, stated("2", baseline="12", probability=70)))


def test_a_forecast_in_the_name_of_another_is_a_claim() -> None:
    """What Ann says that Bob expects is marked as a claim."""
    command = EXPECT.model_copy(update={"by": "person:bob"})
    given(PROPOSED).when(command).then(fact(TEA, stated(baseline="12", probability=70, by="person:bob", is_claim=True)))


def test_what_was_stated_is_not_changed() -> None:
    """A key is used once: a changed forecast is stated as a new one."""
    command = EXPECT.model_copy(update={"expectation": "1"})
    with_forecast().when(command).refused(AlreadyExists, "expectation", "what was stated never changes")


def test_only_what_is_still_to_come_is_expected() -> None:
    """A date before the day on which it is stated is refused; the day itself is not."""
    late = EXPECT.model_copy(update={"due_on": "2025-04-10"})
    given(PROPOSED).when(late).refused(Malformed, "due_on", "before 2025-04-11")
    given(PROPOSED).when(EXPECT.model_copy(update={"due_on": "2025-04-11"})).recorded()


@pytest.mark.parametrize(("closing", "is_allowed"), [(FeatureShipped(), True), (FeatureDropped(why="No."), False)])
def test_a_feature_has_expected_outcomes_until_it_is_dropped(closing: object, is_allowed: bool) -> None:
    """A shipped feature can still be expected to bring something; a dropped one cannot."""
    outcome = given(FEATURE, fact(CARDS, closing)).when(EXPECT.model_copy(update={"subject": CARDS}))
    if is_allowed:
        outcome.recorded()
    else:
        outcome.refused(NotAllowed, "subject", "dropped")


def test_a_changed_forecast_names_the_one_it_replaces() -> None:
    """A forecast can replace another one, which then cannot be replaced again."""
    story = with_forecast().when(EXPECT.model_copy(update={"replaces": "1"})).recorded()
    assert story.value(TEA, "expectation.1")["target"] == "40"
    story.when(EXPECT.model_copy(update={"replaces": "1"})).refused(NotAllowed, "replaces", "already replaced by '2'")
    story.when(EXPECT.model_copy(update={"replaces": "2"})).recorded()


def test_a_forecast_with_an_outcome_is_not_replaced() -> None:
    """Once the outcome is known, the forecast cannot be replaced."""
    known = fact(TEA, OutcomeRecorded(expectation="1", result="not-met", by="person:bob"))
    with_forecast(known).when(EXPECT.model_copy(update={"replaces": "1"})).refused(
        NotAllowed, "replaces", "outcome of '1' is recorded"
    )


def test_the_outcome_is_that_of_the_only_open_forecast() -> None:
    """Without a number, the outcome is that of the only expected outcome that has none."""
    with_forecast(
        fact(TEA, OutcomeRecorded(expectation="1", result="met", by="person:bob")), fact(TEA, stated("2"))
    ).when(RecordOutcome(subject=TEA, result="not-met", actual="31")).then(
        fact(TEA, OutcomeRecorded(expectation="2", result="not-met", actual="31", by="person:ann"))
    )


def test_with_two_open_forecasts_the_outcome_names_one() -> None:
    """With several open forecasts, the refusal names them."""
    with_forecast(fact(TEA, stated("2"))).when(RecordOutcome(subject=TEA, result="met")).refused(
        NotAllowed, "expectation", "1, 2 of decision:tea are without an outcome"
    )


def test_an_outcome_needs_an_expectation() -> None:
    """An outcome of something that nobody expected is refused, with what there is."""
    given(PROPOSED).when(RecordOutcome(subject=TEA, result="met")).refused(Unknown, "expectation", "state one first")
    with_forecast().when(RecordOutcome(subject=TEA, expectation="7", result="met")).refused(
        Unknown, "expectation", "it has 1"
    )


def test_an_outcome_is_not_dated_before_its_forecast() -> None:
    """An outcome that was in effect before the forecast was stated is refused."""
    command = backdated(RecordOutcome(subject=TEA, result="met"), 2)
    with_forecast().when(command).refused(NotAllowed, "effective_at", "was stated at")


# Reviews -------------------------------------------------------------------------------------------------------------


def test_reasoning_and_result_are_reviewed_apart() -> None:
    """The review of the reasoning and that of the result are two events, each with what was found and learned."""
    story = given(PROPOSED, ACCEPTED)
    after = story.when(
        ReviewReasoning(subject=TEA, reasoning="unsound", finding="Nobody asked.", learned="Ask."),
        ReviewDecision(subject=TEA, outcome="better", finding="Sold out.", reviewers=("person:bob",)),
    ).then(
        fact(TEA, ReasoningReviewed(reasoning="unsound", finding="Nobody asked.", learned="Ask.", by=("person:ann",))),
        fact(TEA, DecisionReviewed(outcome="better", finding="Sold out.", by=("person:bob",))),
    )
    assert after.value(TEA, "review.reasoning") == "unsound"
    assert after.value(TEA, "review.outcome") == "better"
    assert after.value(TEA, "review.learned") == "Ask."


INDEPENDENT = fact(
    "product:shop",
    DecisionRightsSet(rules=(DecisionRule(roles=("accountable",), independent_review=True),)),
)
REVIEW = ReviewDecision(subject=TEA, outcome="better", finding="Well.")


def test_a_decider_does_not_review_the_result_alone_where_the_rights_forbid_it() -> None:
    """Where the decision rights ask for it, a decider cannot review the result of their own decision."""
    story = given(INDEPENDENT, PROPOSED, ACCEPTED)
    story.when(REVIEW).refused(Forbidden, "reviewers", "product:shop")
    story.when(REVIEW, actor="person:bob").recorded()


def test_a_claimed_reviewer_is_no_independent_reviewer() -> None:
    """The decider cannot meet the rule by naming another person."""
    story = given(INDEPENDENT, PROPOSED, ACCEPTED)
    story.when(REVIEW.model_copy(update={"reviewers": ("person:ann", "person:bob")})).refused(Forbidden, "reviewers")


def test_without_the_rule_a_decider_reviews_their_own_decision() -> None:
    """Without such a rule nothing is asked of a decider; their reasoning is reviewed by anyone."""
    given(PROPOSED, ACCEPTED).when(REVIEW).recorded()
    given(INDEPENDENT, PROPOSED, ACCEPTED).when(
        ReviewReasoning(subject=TEA, reasoning="sound", finding="Asked first.")
    ).recorded()
