// Where in the code a timer was set or some work begun, for the words of an error: taken cheaply, read only if it comes to that.

/** A stack that is written out when it is asked for the first time. */
export type Place = { readonly stack?: string }

/** Frames of our own code; whoever waits is seldom further down. */
const shown = 4
/** The frames above the caller's are this folder's own and the runtime's. */
const captured = 14

export function placeHere(): Place {
  const place: Place = {}
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = captured
  Error.captureStackTrace(place, placeHere)
  Error.stackTraceLimit = limit
  return place
}

/** `3 x Link.#pause (src/kit/bus/link.ts:237) < Link.#run (...)`, a line for each place, the most frequent first. */
export function showPlaces(places: Iterable<Place>): string[] {
  const counts = new Map<string, number>()
  for (const place of places) {
    const line = show(place)
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([line, count]) => `${count} x ${line}`)
}

function show({ stack = '' }: Place): string {
  const frames = stack
    .split('\n')
    .map((line) => /^\s*at (?:async )?(?:(.+?) \()?(?:file:\/\/)?([^()]*:\d+):\d+\)?$/.exec(line))
    .filter((frame) => frame !== null)
    .filter(
      ([, , at = '']) => !at.startsWith('node:') && !/node_modules|kit\/world\/(?!.*\.test\.ts)/.test(at),
    )
    .map(([, name, at = '']) => {
      const path = at.replace(/^.*?\/((?:src|test)\/)/, '$1')
      return name === undefined ? path : `${name} (${path})`
    })
  return frames.slice(0, shown).join(' < ') || 'an unknown place'
}
