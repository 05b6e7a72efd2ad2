"""A client of devspaces in Python, on stubs by grpcio-tools."""

import os
import sys

import grpc
from devspaces.authz.v1 import access_pb2
from devspaces.space.v1 import space_service_pb2 as api
from devspaces.space.v1 import space_service_pb2_grpc as stubs
from google.rpc import error_details_pb2
from grpc_status import rpc_status

TIMEOUT_SECONDS = 20


def main():
    token = [("authorization", f"Bearer {os.environ['DEVSPACES_TOKEN']}")]
    with grpc.insecure_channel(sys.argv[1]) as channel:
        spaces = stubs.SpaceServiceStub(channel)
        request = api.CreateSpaceRequest(space=api.Space(display_name="Made in Python"))
        created = spaces.CreateSpace(request, metadata=token, timeout=TIMEOUT_SECONDS)
        listed = spaces.ListSpaces(api.ListSpacesRequest(), metadata=token, timeout=TIMEOUT_SECONDS).spaces
        roles = [access.console_role for access in listed if access.space.name == created.name]
        assert roles == [api.SpaceAccess.CONSOLE_ROLE_ADMIN], listed
        try:
            spaces.CreateSpace(api.CreateSpaceRequest(space=api.Space()), metadata=token, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            refused = error
        else:
            raise AssertionError("a space without a name was not refused")

    assert refused.code() == grpc.StatusCode.INVALID_ARGUMENT, refused
    info, violations = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in rpc_status.from_call(refused).details:
        detail.Unpack(info) or detail.Unpack(violations)
    assert (info.domain, info.reason) == ("devspaces.dev", "INVALID_FIELD"), info
    assert [violation.field for violation in violations.field_violations] == ["space.display_name"], violations

    method = api.DESCRIPTOR.services_by_name["SpaceService"].methods_by_name["GetSpace"]
    access = method.GetOptions().Extensions[access_pb2.access]
    assert access.require[0].permission == "space.get", access
    print("ok:", created.name)


if __name__ == "__main__":
    main()
