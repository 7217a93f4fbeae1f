-- Sends the requests of a table in a file (the first argument), in order; all requests are built before the load starts.
-- Prints the results as JSON on the last line. Times are microseconds.

local requests, current = {}, 0

function init(arguments)
  for _, asked in ipairs(dofile(arguments[1])) do
    requests[#requests + 1] = wrk.format(asked.verb, asked.target, asked.headers, asked.body)
  end
end

function request()
  current = current % #requests + 1
  return requests[current]
end

function done(summary, latency)
  local errors = summary.errors
  local sockets = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '\n{"requests": %d, "duration": %d, "p50": %d, "p90": %d, "p99": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), errors.status, sockets))
end
