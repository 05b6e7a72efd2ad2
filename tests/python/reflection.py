"""A gRPC client that is told nothing but an address: it asks the server what it serves, as grpcurl does.

It speaks v1alpha of the reflection protocol, writes and reads messages as JSON-like dictionaries, and knows errors by
the standard details of google.rpc.
"""

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

TIMEOUT_SECONDS = 20
DETAILS = "grpc-status-details-bin"


class Refused(Exception):
    """The server's answer was an error."""

    def __init__(self, error):
        self.code = error.code().name
        self.message = error.details()
        self.reason = self.domain = ""
        self.metadata = {}
        self.fields = []
        self.blockers = []
        for key, value in error.trailing_metadata() or ():
            if key == DETAILS:
                self._read(status_pb2.Status.FromString(value))
        super().__init__(f"{self.code} / {self.reason}: {self.message} {self.fields or self.blockers or ''}")

    def _read(self, status):
        if grpc.StatusCode[self.code].value[0] != status.code or self.message != status.message:
            raise AssertionError(f"the details say {status.code} {status.message!r}, the status {self.code}")
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            request = error_details_pb2.BadRequest()
            failure = error_details_pb2.PreconditionFailure()
            if detail.Unpack(info):
                self.reason, self.domain, self.metadata = info.reason, info.domain, dict(info.metadata)
            elif detail.Unpack(request):
                self.fields = [violation.field for violation in request.field_violations]
            elif detail.Unpack(failure):
                self.blockers = [violation.type for violation in failure.violations]


class Server:
    """A server, as its reflection describes it."""

    def __init__(self, address):
        self._channel = grpc.insecure_channel(address)
        self._database = ProtoReflectionDescriptorDatabase(self._channel)
        self._pool = DescriptorPool(self._database)

    def services(self):
        """The full names of the services."""
        return sorted(self._database.get_services())

    def methods(self, service):
        """The names of a service's methods."""
        return sorted(self._pool.FindServiceByName(service).methods_by_name)

    def describes(self, message):
        """Whether the server can tell what a message consists of."""
        try:
            return self._pool.FindMessageTypeByName(message).full_name == message
        except (KeyError, grpc.RpcError):
            return False

    def call(self, method, request, token=None):
        """Calls "package.Service/Method" with a dictionary, and returns the response as one. Raises Refused."""
        service, name = method.split("/")
        described = self._pool.FindServiceByName(service).methods_by_name[name]
        callee = self._channel.unary_unary(
            f"/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(described.output_type).FromString,
        )
        message = json_format.ParseDict(request, GetMessageClass(described.input_type)(), descriptor_pool=self._pool)
        metadata = [] if token is None else [("authorization", f"Bearer {token}")]
        try:
            response = callee(message, metadata=metadata, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            raise Refused(error) from None
        return json_format.MessageToDict(response, preserving_proto_field_name=True, descriptor_pool=self._pool)

    def close(self):
        """Ends every connection."""
        self._channel.close()
