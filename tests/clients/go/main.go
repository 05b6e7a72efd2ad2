// A client of devspaces in Go, on stubs by protoc-gen-go and protoc-gen-go-grpc.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	authzv1 "devspaces.dev/api/devspaces/authz/v1"
	spacev1 "devspaces.dev/api/devspaces/space/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	defer connection.Close()
	spaces := spacev1.NewSpaceServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("DEVSPACES_TOKEN"))

	created, err := spaces.CreateSpace(ctx, &spacev1.CreateSpaceRequest{
		Space: &spacev1.Space{DisplayName: "Made in Go"},
	})
	check(err)
	listed, err := spaces.ListSpaces(ctx, &spacev1.ListSpacesRequest{})
	check(err)
	expect(slices.ContainsFunc(listed.GetSpaces(), func(access *spacev1.SpaceAccess) bool {
		return access.GetSpace().GetName() == created.GetName() &&
			access.GetConsoleRole() == spacev1.SpaceAccess_CONSOLE_ROLE_ADMIN
	}), "the new space is not listed", listed)

	_, err = spaces.CreateSpace(ctx, &spacev1.CreateSpaceRequest{Space: &spacev1.Space{}})
	refused, _ := status.FromError(err)
	expect(refused.Code() == codes.InvalidArgument, "a space without a name was not refused", err)
	var info *errdetails.ErrorInfo
	var fields []string
	for _, detail := range refused.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			info = detail
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				fields = append(fields, violation.GetField())
			}
		}
	}
	expect(info.GetDomain() == "devspaces.dev" && info.GetReason() == "INVALID_FIELD", "another reason", info)
	expect(slices.Equal(fields, []string{"space.display_name"}), "other fields", fields)

	method := spacev1.File_devspaces_space_v1_space_service_proto.Services().ByName("SpaceService").Methods().ByName("GetSpace")
	access := proto.GetExtension(method.Options(), authzv1.E_Access).(*authzv1.Access)
	expect(access.GetRequire()[0].GetPermission() == "space.get", "another access rule", access)
	fmt.Println("ok:", created.GetName())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func expect(met bool, otherwise string, found any) {
	if !met {
		log.Fatalf("%s: %v", otherwise, found)
	}
}
