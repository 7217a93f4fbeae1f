// The four steps of a first mock, by a client of oapi-codegen. Usage: story URL KEY
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"echo/generated/echo"
)

func expect(condition bool, message any) {
	if !condition {
		log.Fatalf("oapi-codegen: %v", message)
	}
}

// must returns the answer, or ends the program.
func must[T any](answer T, err error) T {
	expect(err == nil, err)
	return answer
}

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	authorize := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+os.Args[2])
		return nil
	}
	client := must(echo.NewClientWithResponses(os.Args[1]))

	missed := must(client.GetMockWithResponse(ctx, "go")).ApplicationvndApiJSON404
	expect(missed != nil && missed.Errors[0].Detail == "Requested page `/go` does not exist", missed)

	body := "Hello, world"
	mock := echo.NewAttributes{Verb: echo.VerbGET, Path: "/go", Response: &echo.Response{Code: 200, Body: &body}}
	created := must(client.CreateEndpointWithResponse(ctx, &echo.CreateEndpointParams{}, mock, authorize))
	expect(created.JSON201 != nil && created.JSON201.Id != "", string(created.Body))

	served := must(client.GetMockWithResponse(ctx, "go"))
	expect(served.StatusCode() == 200 && string(served.Body) == body, string(served.Body))

	other := must(client.PostMockWithResponse(ctx, "go"))
	expect(other.ApplicationvndApiJSON404 != nil, string(other.Body))
	fmt.Println("ok: oapi-codegen")
}
