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

// afterTurn returns the mocks after a call that takes a turn.
func (operation *Operation) afterTurn(mocks []mock) []mock {
	at := slices.IndexFunc(mocks, func(one mock) bool { return one.response() == operation.Value })
	return afterCallOf(mocks, at)
}

// afterCallOf returns the mocks after a call of a mock, if any.
func afterCallOf(mocks []mock, at int) []mock {
	if at < 0 {
		return mocks
	}
	mocks = slices.Clone(mocks)
	mocks[at] = mocks[at].afterCall()
	return mocks
}

// choice is a call with an unknown outcome, and the mock whose turn it takes. The store may take the turn late: after
// another mock has begun to hide the chosen one. A change of the mock begins its turns anew, without this call.
type choice struct {
	call        *Operation
	name, value string
}

// choose adds the choice of a call with an unknown outcome. Fails if no mock with turns answers. At most one does: the
// order of mocks with turns is certain.
func (now state) choose(call *Operation) (bool, state) {
	for _, one := range now.mocks {
		isIt := func(other mock) bool { return other == one }
		if one.turns != (turns{}) && mayAnswer(now.mocks, call.Route, isIt) {
			at, _ := slices.BinarySearchFunc(now.chosen, call, func(one choice, call *Operation) int { return int(one.call.Call - call.Call) })
			now.chosen = slices.Insert(slices.Clone(now.chosen), at, choice{call, one.name, one.value})
			return true, now
		}
	}
	return false, now
}

// takeChosen takes the turn of a call's choice. Fails before the choice.
func (now *state) takeChosen(call *Operation) bool {
	at := slices.IndexFunc(now.chosen, func(one choice) bool { return one.call == call })
	if at < 0 {
		return false
	}
	chosen := now.chosen[at]
	now.chosen = slices.Delete(slices.Clone(now.chosen), at, at+1)
	now.mocks = afterCallOf(now.mocks, slices.IndexFunc(now.mocks, func(one mock) bool {
		return one.name == chosen.name && one.value == chosen.value && !one.isOver()
	}))
	return true
}
