// OVSDB's JSON-RPC sends texts one after another with nothing between them (RFC 7047, section 4):
// this finds where each one ends, whatever the chunks.

/** Feed it chunks; it gives each complete text, parsed. Throws SyntaxError where the peer speaks no JSON. */
export function jsonSplitter(take: (message: unknown) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = []
  let depth = 0
  let inString = false
  let escaped = false

  return (chunk) => {
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (inString) {
        if (escaped) escaped = false
        else if (byte === 0x5c) escaped = true
        else if (byte === 0x22) inString = false
      } else if (byte === 0x22) {
        inString = true
      } else if (byte === 0x7b || byte === 0x5b) {
        depth++
      } else if (byte === 0x7d || byte === 0x5d) {
        depth--
        if (depth === 0) {
          parts.push(chunk.subarray(start, at + 1))
          start = at + 1
          const text = Buffer.concat(parts).toString('utf8')
          parts = []
          take(JSON.parse(text))
        }
      }
    }
    if (start < chunk.length) parts.push(Buffer.from(chunk.subarray(start)))
  }
}
