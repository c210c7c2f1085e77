"""20,000 job events of 200 sweeps, half of them loops and half tuning jobs, in eight experiments at once, through the deployed
wiring, reports, Slack and mail included, with the ledger in AWS's DynamoDB Local. 5% of the events come twice, 5% up to
a quarter of an hour late, 2% never; one invocation in a hundred dies after one of its calls. Half of the sweeps have
hyperparameters as long as SageMaker takes them, jobs and tuning jobs are deleted and recreated under the same name, two
jobs can't be described, one call in five hundred hangs, and 48 forged events come before each function that tells of
events. Compared with what was made: which job is in which sweep, how it ended, which is the best, what stands in
Experiments, what people received. In the end the sweeps expire. What the stand-ins keep is measured apart from the rest
of the memory."""

import json
import random
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import vl_convert
from moto.core.base_backend import BackendDict

from tests.benchmarks.held import alive, megabytes_held
from tests.benchmarks.many_sweeps import Made, make_sweeps
from tests.benchmarks.page import table
from tests.benchmarks.soak_messages import mail_ids, wrong_messages
from tests.benchmarks.soak_trouble import EXPIRE_DAYS, FORGED, Trouble, wrongly_expired
from tests.conftest import ROOT
from tests.integration.conftest import running_dynamodb_local
from trialbook_cli.laptop_cloud import LaptopCloud, ProcessDied, Recording
from trialbook_cli.replaying import ReplayOutcome, outcome_of, running
from trialbook_cli.sagemaker_stand_in import SageMaker

TITLE = "Soak: 20,000 events, some lost, doubled, late or forged, processes that die, and calls that hang"
SWEEPS, JOBS = 200, 50
TWICE, LATE, LOST, DIES = 0.05, 0.05, 0.02, 0.01
LATEST = timedelta(minutes=15)
PICTURE = ROOT / "docs" / "images" / "soak.png"
_SAMPLED = 50  # samples in the whole run
_MOST_CALLS = 12  # of an invocation that is to die


@dataclass(frozen=True, slots=True)
class Sample:
    """What was delivered by then, in seconds of processor and of wall time, the memory in use, how much of it stand-ins
    and moto hold, and how many objects of Trialbook's own classes there are."""

    events: int
    seconds: float
    cpu: float
    megabytes: float
    stand_ins: float
    objects: int


@dataclass(frozen=True, slots=True)
class Soaked:
    """What a soak left behind, what was measured, what was done, and what was in the way: what is wrong all has to be
    0."""

    found: ReplayOutcome
    samples: list[Sample]
    done: dict[str, int]
    wrong_messages: dict[str, int]
    trouble: Trouble
    wrongly_expired: dict[str, int]

    def wrong(self, made: Sequence[Made]) -> dict[str, int]:
        """All that is wrong."""
        found = self.trouble.wrong(self.found.dead_letters)
        return {**wrong(self.found, made), **found, **self.wrong_messages, **self.wrongly_expired}


def measure() -> str:
    """In a process of its own, whose memory is the soak's alone."""
    command = [sys.executable, "-m", "tests.benchmarks.soak", str(SWEEPS), str(JOBS), str(PICTURE)]
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    figures = table(["", "count"], list(answer.items()))
    return f"{figures}\n\n![Throughput, memory and objects over the soak's events](images/{PICTURE.name})"


def disturbed(events: Sequence[dict[str, Any]], noise: random.Random) -> tuple[list[dict[str, Any]], Counter[str]]:
    """The events in order of arrival, and what was done to them."""
    arrivals: list[tuple[datetime, int, dict[str, Any]]] = []
    done: Counter[str] = Counter()

    def arrives(event: dict[str, Any], after: timedelta) -> None:
        arrivals.append((datetime.fromisoformat(event["time"]) + after, len(arrivals), event))

    for event in events:
        if noise.random() < LOST:
            done["lost"] += 1
            continue
        is_late = noise.random() < LATE
        done["late"] += is_late
        arrives(event, LATEST * noise.random() if is_late else timedelta())
        if noise.random() < TWICE:
            done["twice"] += 1
            arrives(event, LATEST * noise.random())
    return [event for _, _, event in sorted(arrivals, key=lambda each: each[:2])], done


def dying(cloud: LaptopCloud, noise: random.Random) -> tuple[Callable[[str, str, str], None], Counter[tuple[str, str]]]:
    """A hook that kills one invocation in a hundred, after one of its first twelve calls, and what was called last before
    each death. Where an invocation makes fewer calls than it was to live for, the function's next one dies in its stead,
    so that the share is kept."""
    seen: Counter[str] = Counter()
    owed: Counter[str] = Counter()
    left: dict[str, int] = {}
    deaths: Counter[tuple[str, str]] = Counter()

    def after_call(function: str, service: str, operation: str) -> None:
        invocations = cloud.functions[function].invocations
        if seen[function] != invocations:
            owed[function] += sum(noise.random() < DIES for _ in range(invocations - seen[function]))
            seen[function] = invocations
            left[function] = noise.randint(1, _MOST_CALLS) if owed[function] else 0
        left[function] -= 1
        if left[function] == 0:
            owed[function] -= 1
            deaths[function, operation] += 1
            raise ProcessDied

    return after_call, deaths


def soak(made: Sequence[Made], dynamodb_url: str | None = None) -> Soaked:
    """Delivers the disturbed events, with all the trouble that there is."""
    noise = random.Random(7)
    recording = Recording(
        "soak",
        sorted((event for sweep in made for event in sweep.events), key=lambda event: str(event["time"])),
        [answer for sweep in made for answer in sweep.answers],
    )
    events, done = disturbed(recording.events, noise)
    recreated = [
        (datetime.fromisoformat(each["response"]["CreationTime"]), each) for sweep in made for each in sweep.recreated
    ]
    undescribed = frozenset(sweep.jobs[-1].name for sweep in made[:2])
    trouble = Trouble(noise, undescribed, sorted(recreated, key=lambda each: each[0]))
    samples = []
    every, forged_every = max(1, len(events) // _SAMPLED), max(1, len(events) // FORGED)
    parameters = {"ExpireDays": str(EXPIRE_DAYS)}
    with (
        running(recording, dynamodb_url=dynamodb_url, parameters=parameters) as (cloud, sagemaker),
        trouble.into(cloud, sagemaker),
    ):
        dies, deaths = dying(cloud, noise)

        def after_call(function: str, service: str, operation: str) -> None:
            dies(function, service, operation)
            trouble.lose_answer(function, service, operation)

        cloud.after_call = after_call
        began, began_cpu, measuring = time.perf_counter(), time.process_time(), 0.0
        for number, event in enumerate(events, 1):
            if number % every == 1:
                sagemaker.requests.clear()  # kept for tests
                cloud.slack.calls.clear()
                cpu = time.process_time()
                samples.append(_sample(number - 1, began, cpu - began_cpu - measuring, cloud, sagemaker))
                measuring += time.process_time() - cpu
                print(f"{number - 1} of {len(events)} events, {samples[-1]}", file=sys.stderr, flush=True)
            trouble.make_anew(sagemaker, datetime.fromisoformat(event["time"]))
            cloud.deliver(event)
            trouble.look(cloud)
            if number % forged_every == 0:
                trouble.forge(cloud)
        cloud.finish()
        cpu = time.process_time() - began_cpu - measuring
        samples.append(_sample(len(events), began, cpu, cloud, sagemaker))
        found = outcome_of(cloud, sagemaker)
        invocations = sum(function.invocations for function in cloud.functions.values())
        expired = wrongly_expired(cloud)
    mails = mail_ids(found)
    records_lost = deaths["PostEmail", "SendEmail"] + trouble.done["records of a mail that hung"]
    shown = {
        "events made": len(recording.events),
        "events that came twice": done["twice"],
        "events that came late": done["late"],
        "events lost": done["lost"],
        **trouble.done,
        "invocations": invocations,
        "invocations that died": found.deaths,
        "invocations that failed as a whole": trouble.failed.total(),
        "messages and files in Slack": len(found.slack.messages),
        "mails": len(mails),
        "deaths and calls that hung between SES's answer and the record of it": records_lost,
        "mails that came twice": len(mails) - len(set(mails)),
    }
    messages = wrong_messages(found, records_lost)
    return Soaked(found, samples, shown, messages, trouble, expired)


def _sample(events: int, began: float, cpu: float, cloud: LaptopCloud, sagemaker: SageMaker) -> Sample:
    objects = alive("trialbook")
    held = megabytes_held(sagemaker, cloud.slack, *BackendDict._instances)  # type: ignore[misc]
    return Sample(events, time.perf_counter() - began, cpu, _resident(), held, objects)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024 / 1024


def wrong(found: ReplayOutcome, made: Sequence[Made]) -> dict[str, int]:
    """How many jobs and sweeps are not as they were made; all of them have to be 0."""
    ended = {job.name: job for sweep in made for job in sweep.jobs}
    records = [record for record in found.records if record.key.kind == "TrainingJob"]
    names = Counter(record.job.name for record in records)
    together: dict[str | None, set[str]] = defaultdict(set)
    for record in records:
        together[record.sweep].add(record.job.name)
    expected = {frozenset(job.name for job in sweep.jobs): sweep for sweep in made}
    ids = {frozenset(members): sweep for sweep, members in together.items()}
    standing = Counter(
        component
        for experiment, trials in found.experiments.items()
        for each in trials.values()
        for component in each
        if not experiment.endswith("-aws-tuning-job")  # SageMaker makes those itself
    )
    finished = _finished(found)
    return {
        "jobs lost": len(ended.keys() - names.keys()),
        "jobs doubled": sum(number > 1 for number in names.values()) + len(names.keys() - ended.keys()),
        "jobs with another end or value": sum(
            (record.job.status, record.value) != (ended[record.job.name].status, ended[record.job.name].value)
            for record in records
        ),
        "sweeps with other jobs": len(ids.keys() ^ expected.keys()),
        "sweeps with another best or other counts, or open": sum(
            _differs(found, ids.get(members), sweep) for members, sweep in expected.items()
        ),
        "jobs not attached": sum(standing[f"{name}-aws-training-job"] == 0 for name in ended),
        "jobs attached twice": sum(number > 1 for number in standing.values()),
        "sweeps not reported as finished, in their last revision": sum(
            (sweep.id, sweep.revision) not in finished for sweep in found.sweeps
        ),
        "revisions reported as finished under two ids": sum(len(ids) > 1 for ids in finished.values()),
    }


def _differs(found: ReplayOutcome, sweep_id: str | None, made: Made) -> bool:
    sweep = next((each for each in found.sweeps if each.id == sweep_id), None)
    if sweep is None or sweep.best is None or sweep.state.value != "closed":
        return True
    best = min((job for job in made.jobs if job.value is not None), key=lambda job: (job.value, job.created))
    failed = sum(job.status == "Failed" for job in made.jobs)
    counted = (sweep.counts.completed, sweep.counts.failed, sweep.counts.stopped, sweep.counts.in_progress)
    return (sweep.best.job_name, *counted) != (best.name, len(made.jobs) - failed, failed, 0, 0)


def _finished(found: ReplayOutcome) -> dict[tuple[str, int], set[str]]:
    """The ids under which each revision of each sweep was reported as finished."""
    ids: dict[tuple[str, int], set[str]] = defaultdict(set)
    for event in found.announced:
        if event["detail-type"] == "Sweep Finished":
            sweep = event["detail"]["sweep"]
            ids[sweep["sweep"], sweep["revision"]].add(event["detail"]["id"])
    return ids


def picture(samples: Sequence[Sample]) -> bytes:
    """Throughput, memory and objects over the events, one above the other, as a PNG."""
    speeds = [
        {"events": later.events, "value": (later.events - earlier.events) / (later.cpu - earlier.cpu)}
        for earlier, later in pairwise(samples[:-1])
    ]
    resident = [{"events": each.events, "value": each.megabytes, "of": "the process"} for each in samples]
    held = [{"events": each.events, "value": each.stand_ins, "of": "of which stand-ins and moto"} for each in samples]
    rest = [
        {"events": each.events, "value": each.megabytes - each.stand_ins, "of": "the rest, Trialbook in it"}
        for each in samples
    ]
    objects = [{"events": each.events, "value": each.objects} for each in samples]
    last = samples[-1]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {
            "text": f"{last.events:,} events delivered: throughput, memory, objects",
            "subtitle": f"{last.seconds / 60:.0f} minutes, all services on one machine",
            "anchor": "start",
        },
        "vconcat": [
            _panel(speeds, "events per CPU second", "#0072b2"),
            _panel([*resident, *held, *rest], "memory, MB", "#c2410c"),
            _panel(objects, "objects of Trialbook's classes", "#009e73"),
        ],
        "padding": 12,
        "config": {"font": "sans-serif", "view": {"stroke": None}, "background": "#ffffff"},
    }
    return bytes(vl_convert.vegalite_to_png(json.dumps(spec), scale=2, vl_version="5.20"))


def _panel(values: Sequence[Mapping[str, Any]], title: str, colour: str) -> dict[str, Any]:
    return {
        "width": 640,
        "height": 160,
        "data": {"values": list(values)},
        "mark": {"type": "line", "color": colour},
        "encoding": {
            "x": {"field": "events", "type": "quantitative", "title": "events delivered"},
            "y": {"field": "value", "type": "quantitative", "title": title, "scale": {"zero": True}},
            **(
                {"strokeDash": {"field": "of", "type": "nominal", "title": None, "sort": None}}
                if "of" in values[0]
                else {}
            ),
        },
    }


def main(sweeps: int, jobs: int, to: Path) -> None:
    """Prints the figures and draws the picture; fails where anything is wrong."""
    made = list(make_sweeps(sweeps, jobs, are_odd=True))
    with running_dynamodb_local() as url:
        soaked = soak(made, url)
    found, samples, faults = soaked.found, soaked.samples, soaked.wrong(made)
    middle, last = samples[len(samples) // 2], samples[-1]
    figures: dict[str, float] = {
        "sweeps": sweeps,
        "jobs": sum(len(sweep.jobs) for sweep in made),
        **soaked.done,
        **faults,
        "sweeps revised by late jobs": sum(sweep.revision > 1 for sweep in found.sweeps),
        "events a second": round(last.events / last.seconds, 1),
        "events a second of processor time": round(last.events / last.cpu, 1),
        "MB in the middle": round(middle.megabytes),
        "of which stand-ins and moto hold, in the middle": round(middle.stand_ins),
        "MB at the end": round(last.megabytes),
        "of which stand-ins and moto hold, at the end": round(last.stand_ins),
        "objects of Trialbook's classes in the middle": middle.objects,
        "objects of Trialbook's classes at the end": last.objects,
    }
    to.write_bytes(picture(samples))
    to.with_suffix(".json").write_text(json.dumps([asdict(each) for each in samples]))
    print(json.dumps(figures))
    if any(faults.values()):
        sys.exit(f"not as it was made: {faults}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
