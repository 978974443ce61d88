"""Ready is who knows what there is to know, not who was told nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from discovery.learning import SETTLING, Learning

EMPTY: tuple[str, ...] = ()
ALONE = ("consul",)
WEB = ("consul", "web")


@dataclass
class Pupil:
    """`known` are the services whose instances were heard, `instances` how many anybody has."""

    learning: Learning = field(default_factory=Learning)
    known: set[str] = field(default_factory=set)
    instances: int = 0

    def hears(self, listed: tuple[str, ...], at: float, *, routed: tuple[str, ...] = ()) -> None:
        self.learning.heard(listed, routed, at)

    def is_ready(self, at: float) -> bool:
        return self.learning.is_over(at, is_known=self.known.__contains__, has_instances=lambda: self.instances > 0)


def test_nobody_is_ready_who_has_heard_nothing() -> None:
    assert not Pupil().is_ready(1e9)


def test_who_knows_the_instances_of_all_routes_is_ready_at_once() -> None:
    pupil = Pupil()
    pupil.hears(("consul", "web", "api", "db"), 0.0, routed=("web", "api"))
    pupil.known, pupil.instances = {"web"}, 3
    assert not pupil.is_ready(0.0)
    pupil.known = {"web", "api"}
    assert pupil.is_ready(0.0)


def test_a_list_of_nothing_is_no_answer_however_long_it_stands() -> None:
    """A token that may read nothing."""
    pupil = Pupil()
    for moment in range(1000):
        pupil.hears(EMPTY, moment)
        assert not pupil.is_ready(moment)


def test_services_without_any_instance_are_no_answer_either() -> None:
    """A token that may read services, and no nodes."""
    pupil = Pupil(known={"web"})
    pupil.hears(WEB, 0.0, routed=("web",))
    assert not pupil.is_ready(1e9)
    pupil.instances = 1
    assert pupil.is_ready(1e9)


def test_a_registry_that_has_only_itself_is_believed_after_a_while() -> None:
    """Started before any service: there is nothing that it could serve, and it would serve it."""
    pupil = Pupil()
    pupil.hears(ALONE, 100.0)
    pupil.hears((*ALONE, "db"), 105.0)
    assert not pupil.is_ready(100.0 + SETTLING - 0.1)
    assert pupil.is_ready(100.0 + SETTLING)


def test_a_registry_that_fills_up_again_is_learnt_as_soon_as_it_has_a_route() -> None:
    pupil = Pupil()
    pupil.hears(ALONE, 0.0)
    pupil.hears(WEB, 1.0, routed=("web",))
    pupil.known, pupil.instances = {"web"}, 1
    assert pupil.is_ready(1.0)


def test_what_went_away_before_it_was_learnt_need_not_be_learnt() -> None:
    pupil = Pupil()
    pupil.hears(WEB, 0.0, routed=("web",))
    pupil.hears(ALONE, 1.0)
    assert not pupil.is_ready(1.0)
    assert pupil.is_ready(1.0 + SETTLING)


def test_a_right_that_is_taken_away_while_it_settles_begins_it_anew() -> None:
    pupil = Pupil()
    pupil.hears(ALONE, 0.0)
    pupil.hears(EMPTY, 5.0)
    assert not pupil.is_ready(50.0)
    pupil.hears(ALONE, 60.0)
    assert not pupil.is_ready(61.0)
    assert pupil.is_ready(60.0 + SETTLING)


def test_what_is_learnt_is_not_unlearnt() -> None:
    pupil = Pupil(known={"web"}, instances=1)
    pupil.hears(WEB, 0.0, routed=("web",))
    assert pupil.is_ready(0.0)
    pupil.instances = 0
    pupil.hears(EMPTY, 1.0)
    assert pupil.is_ready(1.0)
