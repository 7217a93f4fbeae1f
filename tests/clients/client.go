// Sends the requests of a table by net/http, on kept connections: client TABLE
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

type request struct {
	name, method, url, headers string
	chunked, expect            bool
	size, status, repeat       int
	pause                      time.Duration
}

func parse(line string) request {
	column := strings.Split(line, "\t")
	number := func(at int) int {
		value, err := strconv.Atoi(column[at])
		if err != nil {
			panic(err)
		}
		return value
	}
	return request{
		name: column[0], method: column[1], url: column[2], headers: column[3],
		size: number(4), chunked: column[5] == "chunked", expect: column[6] == "yes",
		pause: time.Duration(number(7)) * time.Millisecond, status: number(8), repeat: number(9),
	}
}

// body pauses after its first byte, because net/http sends the head together with that byte.
type body struct {
	left, read int
	pause      time.Duration
}

func (b *body) Read(into []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(len(into), b.left)
	if b.pause > 0 {
		if b.read == 0 {
			n = 1
		} else {
			time.Sleep(b.pause)
		}
	}
	b.left -= n
	b.read += n
	return n, nil
}

func (r request) send(client *http.Client) error {
	outgoing, err := http.NewRequest(r.method, r.url, http.NoBody)
	if err != nil {
		return err
	}
	if r.size > 0 {
		outgoing.Body = io.NopCloser(&body{left: r.size, pause: r.pause})
		outgoing.ContentLength = int64(r.size)
	}
	if r.chunked {
		outgoing.ContentLength = -1
	}
	for _, header := range strings.Split(r.headers, "|") {
		if name, value, found := strings.Cut(header, ": "); found {
			outgoing.Header.Set(name, value)
		}
	}
	if r.expect {
		outgoing.Header.Set("Expect", "100-continue")
	}
	answer, err := client.Do(outgoing)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != r.status {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

func main() {
	table, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	lines := strings.Split(strings.TrimRight(string(table), "\n"), "\n")
	next := parse(lines[0])
	client := &http.Client{Timeout: 30 * time.Second}
	sent := 0
	try := func(name, what string, r request) {
		sent++
		if err := r.send(client); err != nil {
			fmt.Printf("lost\t%s\t%s\t%v\n", name, what, err)
		}
	}
	for _, line := range lines[1:] {
		r := parse(line)
		for range r.repeat {
			try(r.name, "answer", r)
			try(r.name, "next", next)
		}
	}
	fmt.Printf("sent\t%d\n", sent)
}
