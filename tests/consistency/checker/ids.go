package main

// made returns the name of the mock that an operation may have created; empty for none.
func (operation *Operation) made() string {
	switch {
	case operation.Outcome == "refused":
		return ""
	case operation.Kind == "create":
		return operation.Mock
	case operation.Kind == "renew":
		return operation.Value
	}
	return ""
}

// addIDs adds the ids of mocks whose creation has no known outcome, if a read has shown the mock.
func addIDs(operations []*Operation) {
	shown := map[string]string{}
	for _, operation := range operations {
		if operation.Kind == "read" {
			shown[operation.Value] = operation.ID
		}
	}
	for _, operation := range operations {
		if operation.made() != "" && operation.ID == "" {
			operation.ID = shown[operation.Value]
		}
	}
}

// lessID returns the name of a new mock with tests whose id is too small; empty for none. The id has to be greater than
// the ids of all mocks whose creation was acknowledged before the request, and which were not deleted meanwhile.
func lessID(operations []*Operation) string {
	gone := map[string]int64{}
	for _, operation := range operations {
		isEnd := operation.Kind == "delete" || operation.Kind == "renew"
		if isEnd && operation.Outcome != "refused" {
			since, isGone := gone[operation.Mock]
			if !isGone || operation.Call < since {
				gone[operation.Mock] = operation.Call
			}
		}
	}
	var creations []*Operation
	for _, operation := range operations {
		if operation.made() != "" && operation.Outcome == "done" && operation.ID != "" {
			creations = append(creations, operation)
		}
	}
	for _, later := range creations {
		for _, earlier := range creations {
			since, isGone := gone[earlier.made()]
			isBefore := earlier.Return < later.Call && !(isGone && since < later.Return)
			if later.Route.tests != "" && isBefore && earlier.ID >= later.ID {
				return later.made()
			}
		}
	}
	return ""
}
