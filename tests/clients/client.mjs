// Sends the requests of a table by fetch, on kept connections: node client.mjs TABLE
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

const piece = Buffer.alloc(65536)

function parse(line) {
  const [name, method, url, headers, size, framing, , pause, status, repeat] = line.split('\t')
  return {
    name, method, url, size: +size, chunked: framing === 'chunked', pause: +pause, status: +status, repeat: +repeat,
    headers: headers.split('|').filter(Boolean).map((header) => header.split(/: (.*)/s, 2)),
  }
}

// fetch sends the head together with the first byte: the pause follows that byte.
async function* pieces({ size, pause }) {
  for (let sent = 0; sent < size;) {
    const length = pause && !sent ? 1 : Math.min(piece.length, size - sent)
    if (pause && sent) await setTimeout(pause)
    yield piece.subarray(0, length)
    sent += length
  }
}

// Returns the reason of a lost answer.
async function send(request) {
  const { method, url, headers, size, chunked, pause, status } = request
  const body = chunked || pause ? pieces(request) : Buffer.alloc(size)
  const length = pause && !chunked ? [['Content-Length', `${size}`]] : []
  try {
    const signal = AbortSignal.timeout(30_000)
    const answer = await fetch(url, { method, headers: [...headers, ...length], body, duplex: 'half', signal })
    await answer.arrayBuffer()
    return answer.status === status ? undefined : `status ${answer.status}`
  } catch (error) {
    return `${error.message}: ${error.cause?.message}`
  }
}

const [next, ...requests] = readFileSync(process.argv[2], 'utf8').trimEnd().split('\n').map(parse)
let sent = 0
for (const request of requests) {
  for (let i = 0; i < request.repeat; i++) {
    for (const [what, each] of [['answer', request], ['next', next]]) {
      sent++
      const why = await send(each)
      if (why) console.log(`lost\t${request.name}\t${what}\t${why}`)
    }
  }
}
console.log(`sent\t${sent}`)
