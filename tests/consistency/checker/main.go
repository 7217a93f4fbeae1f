// Checks histories of Echo for linearizability with porcupine: group by group, or all groups as one if mocks move
// between groups or fit several. A group is all mocks and calls whose paths have the same first segment.
//
// Reads a line of JSON for each history (see History) from standard input. Prints a line for each: `ok`, or the fault.
// Exits with 0 if all histories are linearizable.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// Much longer than the longest check so far. An undecided history counts as wrong: wrong histories take longest,
// because porcupine tries every order.
const patience = 2 * time.Minute

// History is the operations of clients, and their responses.
type History struct {
	Name       string
	Operations []*Operation
}

// Operation is one request. Times are from one clock; only their order counts.
type Operation struct {
	Client int
	// Route is verb, path and values of the call, the route of the created or read mock, or the target of a move. A patch
	// or a deletion may name any earlier route of the mock.
	Route route
	// Kind is create, patch, move, join, renew, delete, put, call, explain, read or show. A move changes verb, path,
	// priority or tests. To join is to change the set of a mock. To renew is to delete a mock and to create another one in
	// one write; the value is the name of the new mock. A put makes a list a set. A call gets the response of the first
	// mock that fits, and an explanation names this mock. A read shows the mock with exactly this route, which may be
	// hidden, and a show the sorted values of a set.
	Kind string
	// Mock names the mock of a write, or of an explanation; empty for none. A creation chooses a new, unique name.
	Mock string
	// Value is the mock's response after a write, unique to the write, or the result of a call or read; empty for none. A
	// call of a mock with turns gets the value with the number of the turn, such as `5#2`.
	Value string
	// Turns of the mock after a write, such as `3 last`; empty for a single response.
	Turns turns
	// Set of the mock after a creation or a join, or of a put or show; empty for none.
	Set string
	// List of a put.
	List []item
	// ID is the id of the created or read mock, if the client knows it.
	ID string
	// Outcome of a write: done, refused or unknown. Reasons of refusals: the route is taken (create, move, renew, put), or
	// the mock does not exist (all but create and put). Of a call: unknown if a turn may be lost. Refused calls are not
	// part of a history.
	Outcome string
	Call    int64
	Return  int64
}

func (operation *Operation) isQuestion() bool {
	return operation.Kind == "call" || operation.Kind == "explain" || operation.Kind == "read" || operation.Kind == "show"
}

// changesNothing reports if a question leaves all turns as they are.
func (operation *Operation) changesNothing() bool {
	return operation.isQuestion() && !operation.takesTurn()
}

// fits reports if these mocks allow the operation's response.
func (operation *Operation) fits(mocks []mock) bool {
	there, named := held(mocks, operation.Route, operation.Mock)
	accepted := named != mock{}
	switch operation.Kind {
	case "call":
		return mayAnswer(mocks, operation.Route, func(one mock) bool { return one.response() == operation.Value })
	case "explain":
		return mayAnswer(mocks, operation.Route, func(one mock) bool { return one.name == operation.Mock })
	case "read":
		return there.value == operation.Value
	case "show":
		return shown(mocks, operation.Set) == operation.Value
	case "put":
		accepted = !operation.clashes(mocks)
	case "create":
		accepted = there == mock{}
	case "move", "renew":
		accepted = accepted && (there == mock{} || there == named)
	}
	return accepted != (operation.Outcome == "refused")
}

// after returns the mocks after a write, sorted by route.
func (operation *Operation) after(mocks []mock) []mock {
	if operation.Kind == "call" {
		return operation.afterTurn(mocks)
	}
	if operation.Kind == "put" {
		return operation.afterPut(mocks)
	}
	_, named := held(mocks, route{}, operation.Mock)
	changed := mock{operation.Route, operation.Mock, operation.Value, named.id, operation.Turns, 0, named.set}
	switch operation.Kind {
	case "create":
		changed.id, changed.set = operation.ID, operation.Set
	case "join":
		changed.route, changed.set = named.route, operation.Set
	case "patch":
		changed.route = named.route
	case "renew":
		changed.name, changed.id, changed.set = operation.Value, operation.ID, ""
	}
	mocks = slices.DeleteFunc(slices.Clone(mocks), func(mock mock) bool { return mock == named })
	if operation.Kind == "delete" {
		return mocks
	}
	at, _ := slices.BinarySearchFunc(mocks, changed, func(one, other mock) int { return compare(one.route, other.route) })
	return slices.Insert(mocks, at, changed)
}

// moment is an operation for porcupine.
//
// porcupine must find the moment when each write, and each turn, takes effect. Other calls, reads and refusals change
// nothing: they only have to fit the routes at some time between two moments (asked, told) with a known order. If
// porcupine chose that time, it would try all subsets of overlapping operations: 30 concurrent refusals are too many.
type moment int

const (
	takesEffect moment = iota
	// Of a call with an unknown outcome: a replica finds the mock whose turn the call takes.
	chooses
	asked
	told
	// After all other moments. A write with an unknown outcome that has not taken effect before end never does.
	end
)

// state is the state of the routes between two moments.
type state struct {
	mocks []mock
	// Operations that were asked and have not fitted so far, in the order of their requests.
	waiting []*Operation
	// Calls with an unknown outcome between choice and turn, in the order of their requests.
	chosen []choice
	isOver bool
}

var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(now, operation, moment any) (bool, any) {
		return step(now.(state), operation.(*Operation), moment)
	},
	Equal: func(one, other any) bool {
		a, b := one.(state), other.(state)
		return a.isOver == b.isOver && slices.Equal(a.mocks, b.mocks) && slices.Equal(a.waiting, b.waiting) && slices.Equal(a.chosen, b.chosen)
	},
}

// step reports if the moment can come next, and returns the new state.
func step(now state, operation *Operation, moment any) (bool, state) {
	switch moment {
	case asked:
		if !operation.fits(now.mocks) {
			now.waiting = append(slices.Clip(now.waiting), operation)
		}
		return true, now
	case told:
		return !slices.Contains(now.waiting, operation), now
	case end:
		now.isOver = true
		return true, now
	}
	isLost := operation.Kind == "call" && operation.Outcome == "unknown"
	switch {
	case now.isOver:
		return true, now
	case moment == chooses:
		return now.choose(operation)
	case isLost && !now.takeChosen(operation), !isLost && !operation.fits(now.mocks):
		return false, now
	case !isLost:
		now.mocks = operation.after(now.mocks)
	}
	fits := func(operation *Operation) bool { return operation.fits(now.mocks) }
	now.waiting = slices.DeleteFunc(slices.Clone(now.waiting), fits)
	return true, now
}

// moments returns the moments of a part of a history.
func moments(part []*Operation) []porcupine.Operation {
	all := []porcupine.Operation{{Input: &Operation{}, Output: end, Call: math.MaxInt64 - 1, Return: math.MaxInt64 - 1}}
	add := func(operation *Operation, moment moment, from, to int64) {
		all = append(all, porcupine.Operation{Input: operation, Output: moment, Call: from, Return: to})
	}
	for _, operation := range part {
		switch {
		case operation.Outcome == "unknown":
			if operation.Kind == "call" && !isInvisible(operation, part) {
				add(operation, chooses, operation.Call, math.MaxInt64)
			}
			latest := latest(operation, part)
			if latest < math.MaxInt64 || !isInvisible(operation, part) {
				add(operation, takesEffect, operation.Call, latest)
			}
		case operation.changesNothing(), operation.Outcome == "refused":
			add(operation, asked, operation.Call, operation.Call)
			add(operation, told, operation.Return, operation.Return)
		default:
			add(operation, takesEffect, operation.Call, operation.Return)
		}
	}
	return all
}

// isInvisible reports if each order with a write of an unknown outcome is also possible without it. No answer has
// shown its value. A patch keeps the name and the route, but begins the turns anew: a mock may answer again. A creation
// takes a route and makes a mock: only refusals at the route and writes to the mock can depend on it.
func isInvisible(write *Operation, part []*Operation) bool {
	dependsOnIt := func(other *Operation) bool {
		isRefused := other.Outcome == "refused"
		return other != write && (isRefused && other.Route == write.Route || !isRefused && other.Mock == write.Mock)
	}
	if slices.ContainsFunc(part, (*Operation).isOfSets) {
		return false
	}
	if write.Kind == "call" || write.Kind == "patch" {
		return !slices.ContainsFunc(part, func(other *Operation) bool { return other.Turns != turns{} })
	}
	return write.Kind == "create" && !slices.ContainsFunc(part, dependsOnIt)
}

// latest returns the latest time at which a write with an unknown outcome took effect: the return of a response that
// shows it. Without such a response, any time is possible.
func latest(write *Operation, part []*Operation) int64 {
	latest := int64(math.MaxInt64)
	if write.Kind == "call" || write.Kind == "put" {
		return latest
	}
	for _, other := range part {
		isShown := other.isQuestion() && withoutTurn(other.Value) == write.Value && write.Kind != "delete"
		made := write.made()
		isNamed := made != "" && other.Mock == made && other.Outcome == "done"
		if isShown || isNamed {
			latest = min(latest, max(other.Return, write.Call))
		}
	}
	return latest
}

// areApart reports if no mock leaves its group, and no mock is in several groups.
func areApart(operations []*Operation) bool {
	home := map[string]string{}
	for _, operation := range operations {
		group, _ := operation.Route.group()
		switch operation.Kind {
		case "create":
			home[operation.Mock] = group
		case "renew":
			home[operation.Value] = group
		case "put":
			for _, item := range operation.List {
				home[item.Value] = group
			}
		}
	}
	leaves := func(operation *Operation) bool {
		group, isOne := operation.Route.group()
		isMove := operation.Kind == "move" || operation.Kind == "renew"
		return !isOne || isMove && home[operation.Mock] != group
	}
	return !slices.ContainsFunc(operations, leaves)
}

// check judges all parts concurrently. A wrong part outranks an undecided one.
func check(history History) string {
	addIDs(history.Operations)
	if mock := lessID(history.Operations); mock != "" {
		return fmt.Sprintf("an id is too small: %s %s", history.Name, mock)
	}
	parts := map[string][]*Operation{}
	isApart := areApart(history.Operations)
	for _, operation := range history.Operations {
		part := "all groups"
		if isApart {
			part, _ = operation.Route.group()
		}
		parts[part] = append(parts[part], operation)
	}
	type verdict struct {
		part   string
		result porcupine.CheckResult
	}
	verdicts := make(chan verdict)
	for name, part := range parts {
		go func() { verdicts <- verdict{name, porcupine.CheckOperationsTimeout(model, moments(part), patience)} }()
	}
	result := "ok"
	for range parts {
		switch verdict := <-verdicts; verdict.result {
		case porcupine.Illegal:
			result = fmt.Sprintf("not linearizable: %s %s", history.Name, verdict.part)
		case porcupine.Unknown:
			if result == "ok" {
				result = fmt.Sprintf("not decided in %s: %s %s", patience, history.Name, verdict.part)
			}
		}
	}
	return result
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	exit := 0
	for decoder := json.NewDecoder(lines); decoder.More(); {
		var history History
		if err := decoder.Decode(&history); err != nil {
			fmt.Fprintln(os.Stderr, "not a history:", err)
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
