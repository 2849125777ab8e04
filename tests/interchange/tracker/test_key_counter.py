"""Counting the keys of a file in little memory."""

from collections import Counter
from hashlib import sha256
from random import Random

from interchange.import_report import MAX_REMARKS_KEPT, ImportReport, Remark
from interchange.tracker.key_counter import KeyCounter


def test_keys_are_counted_as_in_a_dict():
    """Each key is counted apart, also while the table grows, and after it was cleared."""
    chance, counter = Random(7), KeyCounter()
    keys = [sha256(str(n).encode()).hexdigest()[:40] for n in range(3000)]
    for _ in range(2):
        expected = Counter()
        for key in chance.choices(keys, k=10_000):
            expected[key] += 1
            assert counter.add(key) == expected[key]
        counter.clear()


def test_keys_that_begin_alike_stay_apart():
    """Keys that fall on the same place of the table, such as a zero hash, are different keys."""
    counter = KeyCounter()
    keys = [f"{n * 1024:016x}" for n in range(50)]

    assert [counter.add(key) for key in keys] == [1] * 50
    assert [counter.add(key) for key in keys] == [2] * 50


def test_a_report_keeps_the_first_remarks_and_counts_all():
    """A file with a fault in each line makes a report of bounded size, which names how many there were."""
    report = ImportReport()
    report.skipped += [Remark(n, "faulty") for n in range(MAX_REMARKS_KEPT)]
    report.skipped.append(Remark(7, "faulty"))
    total = ImportReport()
    total.skipped += report.skipped

    assert (len(total.skipped), total.skipped.total) == (MAX_REMARKS_KEPT, MAX_REMARKS_KEPT + 1)
    assert f"{MAX_REMARKS_KEPT + 1} skipped" in str(total)
    assert total.to_dict()["not_listed"] == {"skipped": 1}
