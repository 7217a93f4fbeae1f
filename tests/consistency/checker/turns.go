package main

import (
	"fmt"
	"slices"
	"strings"
)

// turns says what a mock with responses in turn does: each response answers once. Then the last one answers for ever
// (`last`), the first one is next (`repeat`), or the mock does not answer any more (`none`). A single response has no
// turns.
type turns struct {
	responses int
	then      string
}

// UnmarshalText reads the number of responses, and the word for the time after the last one, such as `3 last`.
func (turns *turns) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if _, err := fmt.Sscanf(string(text), "%d %s", &turns.responses, &turns.then); err != nil {
		return fmt.Errorf("`%s` are no turns: %w", text, err)
	}
	return nil
}

// isOver reports if a mock does not answer any more.
func (one mock) isOver() bool {
	return one.turns.then == "none" && one.taken == one.turns.responses
}

// response returns the value that the next call gets.
func (one mock) response() string {
	if one.turns.responses == 0 {
		return one.value
	}
	return fmt.Sprintf("%s#%d", one.value, min(one.taken+1, one.turns.responses))
}

// afterCall returns the mock after a call.
func (one mock) afterCall() mock {
	switch {
	case one.taken+1 == one.turns.responses && one.turns.then == "repeat":
		one.taken = 0
	case one.taken < one.turns.responses:
		one.taken++
	}
	return one
}

// answering returns the mocks that still answer.
func answering(mocks []mock) []mock {
	if !slices.ContainsFunc(mocks, mock.isOver) {
		return mocks
	}
	return slices.DeleteFunc(slices.Clone(mocks), mock.isOver)
}

// withoutTurn returns the value of the write behind the value of a call.
func withoutTurn(value string) string {
	value, _, _ = strings.Cut(value, "#")
	return value
}

// takesTurn reports if a call changes the turns of a mock, or may have changed them.
func (operation *Operation) takesTurn() bool {
	isCall := operation.Kind == "call"
	return isCall && (operation.Outcome == "unknown" || withoutTurn(operation.Value) != operation.Value)
}

// afterTurn returns the mocks after a call that takes a turn. A call with an unknown outcome takes a turn of the mock
// that may answer, which is one: the order of mocks with turns is certain.
func (operation *Operation) afterTurn(mocks []mock) []mock {
	for at, one := range mocks {
		isIt := one.response() == operation.Value
		if operation.Outcome == "unknown" {
			isIt = mayAnswer(mocks, operation.Route, func(other mock) bool { return other == one })
		}
		if isIt {
			mocks = slices.Clone(mocks)
			mocks[at] = one.afterCall()
			return mocks
		}
	}
	return mocks
}
