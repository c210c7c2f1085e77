"""Secrets are masked before they are kept anywhere: in jobs on their way into the ledger, and in recordings."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from trialbook.core.jobs import InputChannel, Job, ParameterRange, TuningDefinition, TuningJob
from trialbook.core.secrets import is_secret, without_secrets

MASKED_ACCOUNT, MASKED = "123456789012", "masked"
_DIGITS = 4  # of the hash: enough to tell that two secrets differ, too few to tell which word of a list one is
_MOST_PASSES = 20  # secrets in a row with nothing between them
_LEAST = 8  # characters of a secret that is looked for in the job's other texts
_PLAIN = frozenset({"NextToken"})


@dataclass(frozen=True)
class Masker:
    """Puts `[masked:3f9a]` in place of secrets: the same mark for the same secret. `key` makes the marks worthless
    without the book; it is asked for when the first secret is found. Without a key, all secrets become `[masked]`."""

    key: Callable[[], bytes] | None

    def mark(self, secret: str) -> str:
        """The mask that replaces the secret."""
        if self.key is None:
            return "[masked]"
        digest = hmac.new(self.key(), secret.encode("utf-8", "surrogatepass"), "sha256").hexdigest()
        return f"[masked:{digest[:_DIGITS]}]"

    def text(self, text: str) -> str:
        """The text without the secrets in it. One that touches another is seen only once that is masked."""
        for _ in range(_MOST_PASSES):
            text, before = without_secrets(text, self.mark), text
            if text == before:
                break
        return text

    def values(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Hyperparameters or tags without secrets; the same mapping if there are none."""
        masked = {name: self.value(name, text) for name, text in given.items()}
        return given if masked == given else MappingProxyType(masked)

    def value(self, name: str, text: str) -> str:
        """The value given to the name, or a mask if it is a secret; quotes around it stay."""
        if not is_secret(name, text):
            return self.text(text)
        quote = text[0] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else ""
        return f"{quote}{self.mark(text.strip(quote) if quote else text)}{quote}"

    def job(self, job: Job) -> Job:
        """The job without secrets in hyperparameters, tags, data and failure reason; itself if there are none."""
        hyper_parameters, tags = self.values(job.hyper_parameters), self.values(job.tags)
        reason = job.failure_reason and self.text_of(job, job.failure_reason)
        channels = tuple(map(self._channel, job.channels))
        found = (hyper_parameters, tags, reason, channels)
        if found == (job.hyper_parameters, job.tags, job.failure_reason, job.channels):
            return job
        return replace(job, hyper_parameters=hyper_parameters, tags=tags, failure_reason=reason, channels=channels)

    def _channel(self, channel: InputChannel) -> InputChannel:
        s3_uri, source = channel.s3_uri and self.text(channel.s3_uri), channel.source and self.text(channel.source)
        is_same = (s3_uri, source) == (channel.s3_uri, channel.source)
        return channel if is_same else replace(channel, s3_uri=s3_uri, source=source)

    def text_of(self, job: Job, text: str) -> str:
        """A text of the job's own, such as a line of its log, without secrets: a script's command line repeats what it
        was given."""
        return self.text_beside(job.hyper_parameters, text)

    def text_beside(self, hyper_parameters: Mapping[str, str], text: str) -> str:
        """The same for a job with these hyperparameters."""
        text = self.text(text)
        for secret in self._masked_whole(hyper_parameters):
            text = text.replace(secret, self.mark(secret))
        return text

    def _masked_whole(self, given: Mapping[str, str]) -> list[str]:
        secrets = (text.strip("\"'") for name, text in given.items() if is_secret(name, text))
        return [secret for secret in secrets if len(secret) >= _LEAST]

    def tuning_job(self, tuning_job: TuningJob) -> TuningJob:
        """The tuning job without secrets."""
        definitions = tuple(map(self._definition, tuning_job.definitions))
        return replace(tuning_job, job=self.job(tuning_job.job), definitions=definitions)

    def _definition(self, given: TuningDefinition) -> TuningDefinition:
        ranges = tuple(self._range(each) for each in given.ranges)
        return replace(given, static_hyper_parameters=self.values(given.static_hyper_parameters), ranges=ranges)

    def _range(self, given: ParameterRange) -> ParameterRange:
        return replace(given, values=tuple(self.value(given.name, each) for each in given.values))


_WITHOUT_KEY = Masker(None)
_GIVEN = ("hyper_parameters", "static_hyper_parameters", "tags")
_REASONS = ("failure_reason", "tuning_failure")


def without_secrets_in(facts: Any) -> Any:
    """Facts of the ledger, as plain data, without secrets where Trialbook puts what came from outside."""
    if isinstance(facts, list):
        return [without_secrets_in(each) for each in facts]
    if not isinstance(facts, dict):
        return facts
    given = facts.get("hyper_parameters", {})
    found = {name: _without_secrets(name, value, given) for name, value in facts.items()}
    if isinstance(facts.get("name"), str) and isinstance(facts.get("values"), list):  # a categorical range
        found["values"] = [_WITHOUT_KEY.value(facts["name"], each) for each in facts["values"]]
    return found


def _without_secrets(name: str, value: Any, given: Mapping[str, str]) -> Any:
    if name in _GIVEN and isinstance(value, dict):
        return dict(_WITHOUT_KEY.values(value))
    if name in _REASONS and isinstance(value, str):
        return _WITHOUT_KEY.text_beside(given, value)
    return without_secrets_in(value)


def masked(value: Any, account: str) -> Any:
    """A recorded answer with the account's number replaced everywhere, and with the values of the environment and all
    secrets masked."""
    if isinstance(value, Mapping):
        return {masked(key, account): _entry(key, each, account) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_tag(each, account) for each in value]
    if isinstance(value, str):
        return without_secrets(value, lambda secret: MASKED).replace(account, MASKED_ACCOUNT)
    return value


def _entry(key: str, value: Any, account: str) -> Any:
    if key == "Environment" and isinstance(value, Mapping):
        return dict.fromkeys(value, MASKED)
    if isinstance(value, str) and key not in _PLAIN and is_secret(key, value):
        return MASKED
    return masked(value, account)


def _tag(value: Any, account: str) -> Any:
    """Tags and the like: a list of {"Key": ..., "Value": ...}."""
    if (
        isinstance(value, Mapping)
        and {"Key", "Value"} <= value.keys()
        and is_secret(str(value["Key"]), str(value["Value"]))
    ):
        return {**masked(value, account), "Value": MASKED}
    return masked(value, account)
