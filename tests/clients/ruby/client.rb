# A client of devspaces in Ruby, on stubs by grpc_ruby_plugin.
require "grpc"
require "google/protobuf/well_known_types"
require "google/rpc/status_pb"
require "google/rpc/error_details_pb"
require "devspaces/space/v1/space_service_services_pb"

include Devspaces::Space::V1

def equal(expected, found)
  raise "expected #{expected.inspect}, found #{found.inspect}" unless expected == found
end

spaces = SpaceService::Stub.new(ARGV.fetch(0), :this_channel_is_insecure, timeout: 20)
token = { "authorization" => "Bearer #{ENV.fetch('DEVSPACES_TOKEN')}" }

created = spaces.create_space(CreateSpaceRequest.new(space: Space.new(display_name: "Made in Ruby")), metadata: token)
listed = spaces.list_spaces(ListSpacesRequest.new, metadata: token).spaces
equal [:CONSOLE_ROLE_ADMIN], listed.select { |access| access.space.name == created.name }.map(&:console_role)

begin
  spaces.create_space(CreateSpaceRequest.new(space: Space.new), metadata: token)
  raise "a space without a name was not refused"
rescue GRPC::InvalidArgument => refused
  details = refused.to_rpc_status.details
  info = details.filter_map { |detail| detail.unpack(Google::Rpc::ErrorInfo) }.first
  equal ["devspaces.dev", "INVALID_FIELD"], [info.domain, info.reason]
  request = details.filter_map { |detail| detail.unpack(Google::Rpc::BadRequest) }.first
  equal ["space.display_name"], request.field_violations.map(&:field)
end

puts "ok: #{created.name}"
