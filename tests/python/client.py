#!/usr/bin/env python3
"""The story of a space, told by a client that was not generated from the API: it knows the server's reflection only.

With --address it runs against a suite that is already there; the tokens of users/alice, users/bob, users/carol and
users/dave come from --token, or from the binary and the suite's data folder. Without, it starts a suite of its own,
and starts it again at the end to see that nothing is lost. Each rule that a step shows is named in its comment.
"""

import argparse
import contextlib
import tempfile
import types
import uuid

from reflection import Refused, Server
from suite import Suite, token

SPACES = "devspaces.space.v1.SpaceService"
APPS = "devspaces.space.v1.AppService"
MEMBERS = "devspaces.membership.v1.MembershipService"
AUTHZ = "devspaces.authz.v1.AuthzService"
HEALTH = "grpc.health.v1.Health"
PEOPLE = ("alice", "bob", "carol", "dave")
ADMIN, DEVELOPER, VIEWER = "CONSOLE_ROLE_ADMIN", "CONSOLE_ROLE_DEVELOPER", "CONSOLE_ROLE_VIEWER"


@contextlib.contextmanager
def refused(code, reason=None, fields=None, message=None):
    """Expects a call to be refused in this way; what it yields holds the error afterwards."""
    caught = types.SimpleNamespace(error=None)
    try:
        yield caught
    except Refused as error:
        assert error.code == code, f"{error}, expected {code}"
        assert error.domain == "devspaces.dev", f"{error}, without an ErrorInfo of devspaces.dev"
        assert reason in (None, error.reason), f"{error}, expected {reason}"
        assert fields is None or set(fields) == set(error.fields), f"{error}, expected the fields {fields}"
        assert message in (None, error.message), f"{error}, expected {message!r}"
        caught.error = error
        return
    raise AssertionError(f"expected {code} / {reason}, was answered OK")


def equal(found, expected):
    """Expects a value."""
    assert found == expected, f"expected {expected!r}, found {found!r}"


class Person:
    """Someone with a token."""

    def __init__(self, server, name, bearer):
        self.name = f"users/{name}"
        self._server, self._bearer = server, bearer

    def spaces(self, method, **request):
        return self._server.call(f"{SPACES}/{method}", request, self._bearer)

    def apps(self, method, **request):
        return self._server.call(f"{APPS}/{method}", request, self._bearer)

    def members(self, method, **request):
        return self._server.call(f"{MEMBERS}/{method}", request, self._bearer)

    def roles(self):
        return self._server.call(f"{AUTHZ}/ListRoles", {}, self._bearer)["roles"]

    def check(self, permission, resource, **request):
        request |= {"permission": permission, "resource": resource}
        return self._server.call(f"{AUTHZ}/CheckPermission", request, self._bearer)

    def may(self, permission, resource, **request):
        return self.check(permission, resource, **request).get("allowed", False)

    def access(self, space):
        """What the switcher says of a space; None if it does not show it."""
        page_token = ""
        while True:
            page = self.spaces("ListSpaces", page_size=1000, page_token=page_token)
            for access in page.get("spaces", []):
                if access["space"]["name"] == space:
                    return access
            page_token = page.get("next_page_token")
            if not page_token:
                return None

    def role(self, space):
        """The console role that the switcher shows for a space; None if it does not show the space."""
        access = self.access(space)
        return access and access["console_role"]


class Story:
    """The steps, in order. Each leaves behind what the next needs."""

    def __init__(self, server, tokens):
        self.server = server
        self.alice, self.bob, self.carol, self.dave = (Person(server, name, tokens[name]) for name in PEOPLE)
        self.space = ""

    def the_server_describes_itself(self):
        services = self.server.services()
        for service in (SPACES, APPS, MEMBERS, AUTHZ, HEALTH):
            assert service in services, f"{service} is not among {services}"
        assert "CreateSpace" in self.server.methods(SPACES)
        # What errors carry, too: otherwise clients by reflection show details as bytes.
        for detail in ("ErrorInfo", "BadRequest", "PreconditionFailure", "RetryInfo"):
            assert self.server.describes(f"google.rpc.{detail}"), detail

    def it_is_healthy(self):
        for service in ("", SPACES, APPS, MEMBERS, AUTHZ):
            equal(self.server.call(f"{HEALTH}/Check", {"service": service}), {"status": "SERVING"})

    def nobody_is_let_in_without_a_token(self):
        method = f"{SPACES}/ListSpaces"
        with refused("UNAUTHENTICATED", "CREDENTIALS_MISSING"):
            self.server.call(method, {})
        # The second says that it is not signed: {"alg":"none"}.
        for bad in ("nonsense", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."):
            with refused("UNAUTHENTICATED", "CREDENTIALS_INVALID"):
                self.server.call(method, {}, bad)

    # R-S1, R-J5
    def alice_creates_a_space(self):
        request = {"space": {"display_name": "Rockets"}, "request_id": str(uuid.uuid4())}
        space = self.alice.spaces("CreateSpace", **request)
        self.space = space["name"]
        equal(self.space, f"spaces/{space['uid']}")
        equal((space["state"], space["display_name"]), ("STATE_ACTIVE", "Rockets"))
        equal(self.alice.spaces("CreateSpace", **request), space)
        with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
            self.alice.spaces("CreateSpace", **request | {"space": {"display_name": "Balloons"}})
        equal(self.alice.spaces("GetSpace", name=self.space), space)
        equal(self.alice.role(self.space), ADMIN)

    # R-P3
    def to_bob_it_looks_as_if_it_did_not_exist(self):
        for space in (self.space, f"spaces/{uuid.uuid4()}"):
            says = f"Permission 'space.get' denied on '{space}' (or it might not exist)"
            with refused("PERMISSION_DENIED", "PERMISSION_DENIED", message=says) as caught:
                self.bob.spaces("GetSpace", name=space)
            equal(caught.error.metadata, {"permission": "space.get", "resource": space})
        equal(self.bob.access(self.space), None)

    # R-M1, R-M2
    def alice_adds_bob_and_carol(self):
        people = [{"user": self.bob.name, "role": DEVELOPER}, {"user": self.carol.name, "role": VIEWER}]
        added = self.alice.members("AddMembers", parent=self.space, members=people)["members"]
        equal([member["name"] for member in added], [self.member(self.bob), self.member(self.carol)])
        with refused("ALREADY_EXISTS", "MEMBER_EXISTS"):
            self.alice.members("AddMembers", parent=self.space, members=people[:1])
        roles = [person.role(self.space) for person in (self.alice, self.bob, self.carol, self.dave)]
        equal(roles, [ADMIN, DEVELOPER, VIEWER, None])

    # R-M7, R-M2
    def bob_sees_the_members_and_may_not_change_them(self):
        listed = self.bob.members("ListMembers", parent=self.space)["members"]
        equal([member["user"] for member in listed], [self.alice.name, self.bob.name, self.carol.name])
        page = self.bob.members("ListMembers", parent=self.space, page_size=2)
        rest = self.bob.members("ListMembers", parent=self.space, page_size=2, page_token=page["next_page_token"])
        equal(page["members"] + rest["members"], listed)
        dave = {"user": self.dave.name, "role": VIEWER}
        says = f"Permission 'members.add' denied on '{self.space}' (or it might not exist)"
        with refused("PERMISSION_DENIED", "PERMISSION_DENIED", message=says):
            self.bob.members("AddMembers", parent=self.space, members=[dave])
        # R-P3: below a parent that he may read, what is missing is said to be.
        with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            self.bob.members("GetMember", name=self.member(self.dave))

    # R-P2, R-P5, R-P6
    def checks_explain_themselves(self):
        granted = self.bob.check("apps.create", self.space)
        assert granted["allowed"] and granted["as_of"], granted
        by = [(grant["role"], grant["plane"]) for grant in granted["explanation"]["granted_by"]]
        equal(by, [("ROLE_CONSOLE_DEVELOPER", "PLANE_CONSOLE")])
        denied = self.carol.check("apps.create", self.space)
        assert not denied.get("allowed") and "granted_by" not in denied["explanation"], denied
        would = {grant["role"] for grant in denied["explanation"]["would_be_granted_by"]}
        equal(would, {"ROLE_CONSOLE_ADMIN", "ROLE_CONSOLE_DEVELOPER"})
        assert self.alice.may("apps.create", self.space, subject=self.bob.name)
        with refused("PERMISSION_DENIED", "PERMISSION_DENIED"):
            self.bob.check("apps.create", self.space, subject=self.carol.name)
        roles = {role["role"] for role in self.dave.roles()}
        assert {"ROLE_CONSOLE_ADMIN", "ROLE_BILLING_ADMIN", "ROLE_MARKETPLACE_ADMIN"} <= roles, roles

    # R-M1, R-M6
    def alice_changes_what_bob_may_do(self):
        etag = self.alice.members("GetMember", name=self.member(self.bob))["etag"]
        equal(self.change(self.bob, role=VIEWER, etag=etag)["role"], VIEWER)
        assert not self.bob.may("apps.create", self.space)
        with refused("ABORTED", "ETAG_STALE"):
            self.change(self.bob, role=ADMIN, etag=etag)
        with refused("FAILED_PRECONDITION", "NOT_A_DEVELOPER"):
            self.change(self.bob, view_all_apps=True)
        bob = self.change(self.bob, role=DEVELOPER, view_all_apps=True)
        equal((bob["role"], bob["view_all_apps"]), (DEVELOPER, True))
        assert self.bob.may("apps.create", self.space) and self.bob.access(self.space)["view_all_apps"]

    # R-M5, R-P4
    def removed_bob_is_out_at_once(self):
        app = self.bob.apps("CreateApp", app={"display_name": "Rocket", "space": self.space})
        equal((app["space"], app["my_role"]), (self.space, "CONTRIBUTOR_ROLE_OWNER"))
        assert self.bob.may("app.deploy", app["name"])
        preview = self.alice.members("RemoveMember", name=self.member(self.bob), validate_only=True)
        assert self.bob.spaces("GetSpace", name=self.space), "a preview changes nothing"
        lost = {"app": app["name"], "role": "OWNER", "new_owner": self.alice.name}
        equal(preview["removed_app_roles"], [lost])
        equal(self.alice.members("RemoveMember", name=self.member(self.bob)), preview)
        with refused("PERMISSION_DENIED", "PERMISSION_DENIED"):
            self.bob.spaces("GetSpace", name=self.space)
        assert not self.bob.may("space.get", self.space)
        equal(self.bob.access(self.space), None)
        assert not self.bob.may("app.deploy", app["name"])
        with refused("PERMISSION_DENIED", "PERMISSION_DENIED"):
            self.bob.apps("GetApp", name=app["name"])
        equal(self.bob.apps("ListApps").get("apps", []), [])
        self.alice_owns_the_app(app["name"])

    # R-A3, R-S5, R-A10
    def alice_owns_the_app(self, app):
        contributors = self.alice.apps("ListContributors", parent=app)["contributors"]
        owners = [it["user"] for it in contributors if it["role"] == "CONTRIBUTOR_ROLE_OWNER"]
        equal(owners, [self.alice.name])
        with refused("FAILED_PRECONDITION", "SPACE_HAS_APPS"):
            self.alice.spaces("ArchiveSpace", name=self.space)
        equal(self.alice.apps("DeleteApp", name=app)["state"], "STATE_DELETED")

    # R-M4, R-M8
    def the_last_admin_stays(self):
        with refused("FAILED_PRECONDITION", "LAST_ADMIN") as caught:
            self.alice.members("LeaveSpace", name=self.space)
        equal(caught.error.blockers, ["LAST_ADMIN"])
        with refused("FAILED_PRECONDITION", "LAST_ADMIN"):
            self.change(self.alice, role=VIEWER)
        with refused("FAILED_PRECONDITION", "LAST_ADMIN"):
            self.alice.members("RemoveMember", name=self.member(self.alice))

    # R-S3, R-S5
    def an_archived_space_rests(self):
        renamed = {"name": self.space, "display_name": "Rockets & more"}
        equal(self.alice.spaces("UpdateSpace", space=renamed)["display_name"], "Rockets & more")
        equal(self.alice.spaces("ArchiveSpace", name=self.space)["state"], "STATE_ARCHIVED")
        with refused("FAILED_PRECONDITION", "SPACE_ARCHIVED"):
            self.alice.spaces("UpdateSpace", space=renamed)
        equal(self.alice.spaces("RestoreSpace", name=self.space)["state"], "STATE_ACTIVE")

    def bad_input_is_named_by_its_field(self):
        for name in ("", "x" * 10_000, "a\0b", "a\nb"):
            with refused("INVALID_ARGUMENT", "INVALID_FIELD", ["space.display_name"]):
                self.alice.spaces("CreateSpace", space={"display_name": name})
        with refused("INVALID_ARGUMENT", "INVALID_FIELD", ["space.display_name", "space.logo_uri"]):
            self.alice.spaces("CreateSpace", space={"display_name": "", "logo_uri": "ftp://example.com"})
        with refused("INVALID_ARGUMENT", "INVALID_FIELD", ["request_id"]):
            self.alice.spaces("CreateSpace", space={"display_name": "A"}, request_id="not a uuid")
        for name in ("", "spaces/", "spaces/1", f"apps/{uuid.uuid4()}", "spaces/' OR 1=1 --"):
            with refused("INVALID_ARGUMENT", "INVALID_FIELD", ["name"]):
                self.alice.spaces("GetSpace", name=name)
        with refused("INVALID_ARGUMENT", "INVALID_FIELD", ["update_mask"]):
            self.alice.spaces("UpdateSpace", space={"name": self.space}, update_mask="nothingOfTheKind")
        people = [{"user": "dave", "role": VIEWER}, {"user": self.dave.name}]
        with refused("INVALID_ARGUMENT", "INVALID_FIELD", ["members[0].user", "members[1].role"]):
            self.alice.members("AddMembers", parent=self.space, members=people)
        with refused("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID"):
            self.alice.members("ListMembers", parent=self.space, page_token="bm9uc2Vuc2U")
        with refused("INVALID_ARGUMENT", "PERMISSION_UNKNOWN"):
            self.alice.check("space.conquer", self.space)

    # R-M8
    def alice_hands_over_and_leaves(self):
        self.change(self.carol, role=ADMIN)
        self.alice.members("LeaveSpace", name=self.space)
        with refused("PERMISSION_DENIED", "PERMISSION_DENIED"):
            self.alice.spaces("GetSpace", name=self.space)
        equal(self.alice.access(self.space), None)
        self.carol_runs_the_space()

    def carol_runs_the_space(self):
        equal(self.carol.role(self.space), ADMIN)
        listed = self.carol.members("ListMembers", parent=self.space)["members"]
        equal([(member["user"], member["role"]) for member in listed], [(self.carol.name, ADMIN)])

    def member(self, person):
        return f"{self.space}/members/{person.name.removeprefix('users/')}"

    def change(self, person, **fields):
        return self.alice.members("UpdateMember", member={"name": self.member(person), **fields})

    def tell(self):
        """Goes through all steps."""
        for step in (
            self.the_server_describes_itself,
            self.it_is_healthy,
            self.nobody_is_let_in_without_a_token,
            self.alice_creates_a_space,
            self.to_bob_it_looks_as_if_it_did_not_exist,
            self.alice_adds_bob_and_carol,
            self.bob_sees_the_members_and_may_not_change_them,
            self.checks_explain_themselves,
            self.alice_changes_what_bob_may_do,
            self.removed_bob_is_out_at_once,
            self.the_last_admin_stays,
            self.an_archived_space_rests,
            self.bad_input_is_named_by_its_field,
            self.alice_hands_over_and_leaves,
        ):
            print("-", step.__name__.replace("_", " "), flush=True)
            step()


def tell_at(address, tokens):
    """Tells the story at an address; returns it."""
    server = Server(address)
    with contextlib.closing(server):
        story = Story(server, tokens)
        story.tell()
        return story


def tell_with_own_suite(binary):
    """Tells the story to a suite that is started for it, and started again at the end."""
    with tempfile.TemporaryDirectory(prefix="devspaces-") as folder, contextlib.ExitStack() as running:
        suite = Suite(binary, folder)
        running.callback(suite.kill)
        tokens = {name: token(binary, f"users/{name}", folder) for name in PEOPLE}
        story = tell_at(suite.address, tokens)
        suite.stop()
        print("- the suite is started again and has forgotten nothing", flush=True)
        suite = Suite(binary, folder)
        running.callback(suite.kill)
        with contextlib.closing(Server(suite.address)) as server:
            again = Story(server, tokens)
            again.space = story.space
            again.carol_runs_the_space()
        suite.stop()


def arguments():
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--devspaces", metavar="PATH", help="the binary: starts the suite and mints tokens")
    parser.add_argument("--address", metavar="HOST:PORT", help="a suite that is already there")
    parser.add_argument("--data-dir", metavar="DIR", help="its data folder, for the binary to mint tokens")
    parser.add_argument("--token", metavar="NAME=TOKEN", action="append", default=[], help="alice's, bob's, …")
    given = parser.parse_args()
    given.tokens = dict(pair.split("=", 1) for pair in given.token)
    if given.address and given.data_dir and given.devspaces:
        given.tokens = {name: token(given.devspaces, f"users/{name}", given.data_dir) for name in PEOPLE}
    if given.address and not set(PEOPLE) <= set(given.tokens):
        parser.error("--address takes a --token for each of alice, bob, carol, dave; or --devspaces and --data-dir")
    if not given.address and not given.devspaces:
        parser.error("--devspaces or --address is needed")
    return given


def main():
    given = arguments()
    if given.address:
        tell_at(given.address, given.tokens)
    else:
        tell_with_own_suite(given.devspaces)
    print("ok")


if __name__ == "__main__":
    main()
