import os
import re
from pathlib import Path

import pytest

from reconciler.cli.doc_pages import settings_page
from reconciler.cli.options import GROUPS, SettingsError, option, options, read, unknown_variables
from reconciler.daemon.settings import ENVIRONMENT_PREFIX, Settings
from reconciler.rules.names import Naming

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(ENVIRONMENT_PREFIX):
            monkeypatch.delenv(name)


def test_the_defaults_are_those_that_are_documented() -> None:
    """Without flags and environment, the settings are safe for production."""
    settings = read({})
    assert (settings.interval, settings.naming, settings.namespaces) == (5.0, Naming.CLASSIC, ())
    assert (settings.deletion_cap, settings.no_delete) == (1000, False)
    assert (settings.connect_timeout, settings.read_timeout, settings.parallel_writes) == (5.0, 30.0, 16)
    assert (settings.bind, settings.port, settings.log_format, settings.log_level) == ("0.0.0.0", 8080, "auto", "info")
    assert (settings.once, settings.dry_run) == (False, False)


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given as a flag counts, then the environment, then the default."""
    monkeypatch.setenv("DASK_RECONCILER_INTERVAL", "7")
    monkeypatch.setenv("DASK_RECONCILER_PARALLEL_WRITES", "9")
    settings = read({"interval": "3"})
    assert (settings.interval, settings.parallel_writes, settings.deletion_cap) == (3.0, 9, 1000)


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates leave variables empty where nothing is to be set."""
    monkeypatch.setenv("DASK_RECONCILER_INTERVAL", "")
    assert read({}).interval == 5.0


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5), ("5s", 5), ("0.5", 0.5), ("500ms", 0.5), ("2m", 120), ("1h", 3600), (" 2 m ", 120)]
)
def test_durations_have_units(text: str, seconds: float) -> None:
    """A duration is a number of seconds, or a number with its unit."""
    assert read({"interval": text}).interval == seconds


@pytest.mark.parametrize(
    ("text", "names"),
    [("", ()), ("ml", ("ml",)), ("ml,etl", ("ml", "etl")), (" ml , etl ,", ("ml", "etl")), ("ml,ml", ("ml",))],
)
def test_namespaces_are_separated_by_commas(text: str, names: tuple[str, ...]) -> None:
    """Namespaces come in one text; each counts once, and none means all."""
    assert read({"namespaces": text}).namespaces == names


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("interval", "soon", "it must be a duration: seconds, or a number with ms, s, m or h, such as 5, 500ms or 2m"),
        ("interval", "0", "it must be more than 0"),
        ("interval", "2h", "it must be 3600 or less"),
        ("naming", "modern", "it must be one of classic or current"),
        ("namespaces", "ml,*", "it must be namespaces, separated by commas; leave it out for all namespaces"),
        ("deletion_cap", "-1", "it must be 0 or more"),
        ("deletion_cap", "many", "it must be a whole number"),
        ("parallel_writes", "0", "it must be 1 or more"),
        ("port", "65536", "it must be 65535 or less"),
        ("once", "perhaps", "it must be true or false"),
        ("log_level", "loud", "it must be one of debug, info, warning or error"),
    ],
)
@pytest.mark.parametrize("source", ["flag", "environment"])
def test_a_wrong_value_names_flag_variable_and_remedy(
    source: str, field: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said of a wrong value names where it came from, what else sets it, and what it must be."""
    setting = option(field)
    first, second = setting.flag, f"environment variable {setting.variable}"
    if source == "environment":
        monkeypatch.setenv(setting.variable, value)
        first, second = setting.variable, f"flag {setting.flag}"
    with pytest.raises(SettingsError) as caught:
        read({field: value} if source == "flag" else {})
    assert str(caught.value) == f'{first} is "{value}"; {words} (the {second} sets the same).'


def test_all_wrong_values_are_told_at_once() -> None:
    """Whoever corrects settings needs one attempt."""
    with pytest.raises(SettingsError) as caught:
        read({"interval": "x", "port": "y"})
    assert len(str(caught.value).splitlines()) == 2


def test_what_kubernetes_sets_beside_a_service_of_our_name_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Service links, such as DASK_RECONCILER_PORT=tcp://10.0.0.1:80, neither set the port nor cause a warning."""
    monkeypatch.setenv("DASK_RECONCILER_PORT", "tcp://10.0.0.1:80")
    monkeypatch.setenv("DASK_RECONCILER_PORT_80_TCP_ADDR", "10.0.0.1")
    monkeypatch.setenv("DASK_RECONCILER_SERVICE_HOST", "10.0.0.1")
    assert read({}).port == 8080
    assert unknown_variables(os.environ) == ()


def test_an_unknown_variable_is_warned_about_with_the_nearest_name() -> None:
    """A typing error in a variable's name does not go unseen."""
    environment = {
        "DASK_RECONCILER_INTERVALL": "3",
        "DASK_RECONCILER_QUUX": "",
        "DASK_RECONCILER_NAMING": "",
        "HOME": "",
    }
    assert unknown_variables(environment) == (
        "DASK_RECONCILER_INTERVALL is no setting and does nothing (did you mean DASK_RECONCILER_INTERVAL?).",
        "DASK_RECONCILER_QUUX is no setting and does nothing.",
    )


def test_every_setting_is_in_one_group_and_described() -> None:
    """The help and the generated page show every setting once, with a sentence."""
    fields = [field for group in GROUPS.values() for field in group]
    assert sorted(fields) == sorted(Settings.model_fields)
    assert [each.field for each in options() if not re.search(r"\.$", each.description)] == []


def test_the_settings_page_is_up_to_date() -> None:
    """docs/settings.md is what the model says; `make crds` writes it anew."""
    assert PAGE.read_text() == settings_page()
