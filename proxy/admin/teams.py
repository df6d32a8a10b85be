"""`/admin/teams`: caps over a team's keys; the team `*` is the whole installation."""

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError

from proxy.admin import changes
from proxy.admin.asked import Nothing, Reason, TeamFacts, TeamName
from proxy.admin.context import AdminContext
from proxy.admin.endpoint import Asking, Endpoint, Reply, bad
from proxy.admin.shown import TeamList, TeamShown, team_shown
from proxy.directory import ACTIVE, PAUSED, Team

_NAME: Final = TypeAdapter[str](TeamName)
ONE = "/admin/teams/{team}"


@dataclass(frozen=True, slots=True)
class Teams:
    """The operations on teams."""

    context: AdminContext

    def endpoints(self) -> list[Endpoint]:
        """List them."""
        return [
            Endpoint("GET", "/admin/teams", "List teams by name", self.listed, TeamList),
            Endpoint("GET", ONE, "Show a team", self.show, TeamShown, refuses=(404,), tagged=True),
            Endpoint(
                "PUT", ONE, "Make a team, or set its limits; what is left out stays", self.put,
                TeamShown, body=TeamFacts, refuses=(412,), versioned=True, tagged=True,
            ),
            Endpoint(
                "PATCH", ONE, "Set a team's limits; what is left out stays", self.alter, TeamShown,
                body=TeamFacts, refuses=(404, 412), versioned=True, tagged=True,
            ),
            Endpoint(
                "POST", f"{ONE}/pause", "Refuse the submits of a team, or with `*` of everybody",
                self.pause, TeamShown, body=Reason, refuses=(404, 412), versioned=True, tagged=True,
            ),
            Endpoint(
                "POST", f"{ONE}/resume", "Admit a paused team again", self.resume, TeamShown,
                body=Reason, refuses=(404, 412), versioned=True, tagged=True,
            ),
        ]  # fmt: skip

    async def listed(self, _asking: Asking[Nothing, Nothing]) -> Reply:
        """List teams, the installation first."""
        directory = await self.context.directory()
        found = changes.teams(directory).values()
        return Reply(TeamList(data=[team_shown(team, directory.keys) for team in found]))

    async def show(self, asking: Asking[Nothing, Nothing]) -> Reply:
        """Show a team."""
        return await self._one(changes.team(await self.context.directory(), asking.path["team"]))

    async def put(self, asking: Asking[Nothing, TeamFacts]) -> Reply:
        """Make it, or set its limits; left out must not mean unlimited by accident."""
        return await self._set(team_name(asking.path["team"]), asking.body, asking)

    async def alter(self, asking: Asking[Nothing, TeamFacts]) -> Reply:
        """Set its limits, if nobody else has changed it since it was read."""
        team = changes.team(await self.context.directory(), asking.path["team"])
        return await self._set(team.name, asking.body, asking)

    async def pause(self, asking: Asking[Nothing, Reason]) -> Reply:
        """Refuse its submits; polls go on."""
        return await self._state(asking, PAUSED)

    async def resume(self, asking: Asking[Nothing, Reason]) -> Reply:
        """Admit it again."""
        return await self._state(asking, ACTIVE)

    async def _set(self, name: str, asked: TeamFacts, asking: Asking[Nothing, TeamFacts]) -> Reply:
        change = changes.set_team(name, asked, actor=asking.actor, versions=asking.versions)
        return await self._one(await self.context.change(change))

    async def _state(self, asking: Asking[Nothing, Reason], state: str) -> Reply:
        change = changes.put_team(
            asking.path["team"],
            state,
            actor=asking.actor,
            why=asking.body.why,
            versions=asking.versions,
        )
        return await self._one(await self.context.change(change))

    async def _one(self, team: Team) -> Reply:
        directory = await self.context.directory()
        return Reply(team_shown(team, directory.keys), version=team.version)


def team_name(text: str) -> str:
    """Read the name of a team that may be new.

    Raises:
        BadRequest: it cannot be one.
    """
    try:
        return _NAME.validate_python(text)
    except ValidationError as error:
        raise bad(error) from error
