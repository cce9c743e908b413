"""Counts appear in Prometheus' text as they were made."""

from prometheus_client.parser import text_string_to_metric_families

from xds_server import metrics as names
from xds_server.metrics import SECONDS, Metrics


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_pushes_and_bytes_are_counted_by_type() -> None:
    metrics = Metrics()
    cds = metrics.type("cds")
    cds.pushed(100)
    cds.pushed(50)
    metrics.type("eds").nacks += 1
    found = samples(metrics)
    assert found[names.PUSHES, (("type", "cds"),)] == 2
    assert found[names.PUSH_BYTES, (("type", "cds"),)] == 150
    assert found[names.PUSHES, (("type", "eds"),)] == 0
    assert found[names.NACKS, (("type", "eds"),)] == 1


def test_the_counts_of_a_label_are_one_object() -> None:
    metrics = Metrics()
    assert metrics.type("cds") is metrics.type("cds")
    assert metrics.wire("delta") is metrics.wire("delta")


def test_a_histogram_counts_each_duration_in_every_bucket_that_holds_it() -> None:
    metrics = Metrics()
    for seconds in (SECONDS[0], 0.02, 1000.0):
        metrics.convergence.observe(seconds)
    found = samples(metrics)
    bucket = f"{names.CONVERGENCE_SECONDS}_bucket"
    assert found[bucket, (("le", "0.001"),)] == 1
    assert found[bucket, (("le", "0.01"),)] == 1
    assert found[bucket, (("le", "0.025"),)] == 2
    assert found[bucket, (("le", "60.0"),)] == 2
    assert found[bucket, (("le", "+Inf"),)] == 3
    assert found[f"{names.CONVERGENCE_SECONDS}_count", ()] == 3
    assert found[f"{names.CONVERGENCE_SECONDS}_sum", ()] == 1000.0 + 0.02 + SECONDS[0]


def test_streams_that_end_are_counted_as_opened_only() -> None:
    metrics = Metrics()
    metrics.wire("delta").open()
    metrics.wire("delta").open()
    metrics.wire("delta").close()
    found = samples(metrics)
    assert found[names.STREAMS, (("wire", "delta"),)] == 1
    assert found[names.STREAMS_OPENED, (("wire", "delta"),)] == 2


def test_a_problem_that_is_mended_is_no_longer_counted() -> None:
    metrics = Metrics()
    metrics.problems = {"error": 2}
    assert samples(metrics)[names.PROBLEMS, (("severity", "error"),)] == 2
    metrics.problems = {}
    assert (names.PROBLEMS, (("severity", "error"),)) not in samples(metrics)


def test_every_name_is_served() -> None:
    metrics = Metrics()
    metrics.type("cds")
    metrics.wire("delta")
    metrics.turned_away("streams")
    metrics.problems = {"error": 1}
    served = {name for name, _ in samples(metrics)}
    constants = {
        value
        for name, value in vars(names).items()
        if name.isupper() and isinstance(value, str) and value.startswith("chancery_")
    }
    missing = {name for name in constants if name not in served and f"{name}_count" not in served}
    assert missing == set()


def test_two_servers_in_one_process_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.type("cds").pushed(1)
    assert (names.PUSHES, (("type", "cds"),)) not in samples(other)
