// Checks histories of Echo for linearizability, route by route, with porcupine.
//
// A history is a line of JSON on standard input (see History); for each there is a line of output: `ok`, or what is wrong. The
// exit code is 0 if all of them are linearizable.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

// Longer than any history that was seen takes: one that is not decided by then counts as wrong.
const patience = time.Minute

// History is what clients did, and what they were told.
type History struct {
	Name       string
	Operations []Operation
}

// Operation is one request. Times are of one clock; what order they give is all that counts.
type Operation struct {
	Client int
	// Route is verb and path: the histories of two routes have nothing to do with each other.
	Route string
	// Kind is create, patch, delete or call.
	Kind string
	// Mock names the mock that a write is about. A creation gives it a name.
	Mock string
	// Value is what a write makes the mock answer, or what a call was answered with; empty for none.
	Value string
	// Outcome of a write: done, refused (creation: the route is taken; else: there is no such mock), or unknown. A call that was
	// refused is not part of a history.
	Outcome string
	Call    int64
	Return  int64
}

// mock is the state of a route.
type mock struct{ name, value string }

var model = porcupine.NondeterministicModel{
	Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
		byRoute := map[string][]porcupine.Operation{}
		for _, operation := range all {
			route := operation.Input.(Operation).Route
			byRoute[route] = append(byRoute[route], operation)
		}
		var parts [][]porcupine.Operation
		for _, part := range byRoute {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() []any { return []any{mock{}} },
	Step: func(state, input, _ any) []any { return step(state.(mock), input.(Operation)) },
	DescribeOperation: func(input, _ any) string {
		operation := input.(Operation)
		return fmt.Sprintf("%s %s %s: %s", operation.Kind, operation.Mock, operation.Value, operation.Outcome)
	},
}

// step gives the states in which an operation may leave a route; none if it can not have been told what it was.
func step(state mock, operation Operation) []any {
	if operation.Kind == "call" {
		if state.value == operation.Value {
			return []any{state}
		}
		return nil
	}
	after, accepted := mock{}, state.name == operation.Mock
	switch operation.Kind {
	case "create":
		after, accepted = mock{operation.Mock, operation.Value}, state == mock{}
	case "patch":
		after = mock{operation.Mock, operation.Value}
	}
	switch {
	case operation.Outcome == "unknown" && accepted:
		return []any{state, after}
	case operation.Outcome == "unknown", operation.Outcome == "refused" && !accepted:
		return []any{state}
	case operation.Outcome == "done" && accepted:
		return []any{after}
	}
	return nil
}

func check(history History) string {
	operations := make([]porcupine.Operation, 0, len(history.Operations))
	for _, operation := range history.Operations {
		returned := operation.Return
		if operation.Outcome == "unknown" {
			// It may take effect at any later time.
			returned = math.MaxInt64
		}
		operations = append(operations, porcupine.Operation{
			ClientId: operation.Client, Input: operation, Call: operation.Call, Output: nil, Return: returned,
		})
	}
	for _, part := range model.Partition(operations) {
		switch porcupine.CheckOperationsTimeout(model.ToModel(), part, patience) {
		case porcupine.Illegal:
			return fmt.Sprintf("not linearizable: %s %s", history.Name, part[0].Input.(Operation).Route)
		case porcupine.Unknown:
			return fmt.Sprintf("not decided in %s: %s %s", patience, history.Name, part[0].Input.(Operation).Route)
		}
	}
	return "ok"
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	exit := 0
	for decoder := json.NewDecoder(lines); decoder.More(); {
		var history History
		if err := decoder.Decode(&history); err != nil {
			fmt.Fprintln(os.Stderr, "this is no history:", err)
			os.Exit(2)
		}
		result := check(history)
		if result != "ok" {
			exit = 1
		}
		fmt.Println(result)
	}
	os.Exit(exit)
}
