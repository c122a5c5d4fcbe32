// The two forms in which compute writes times.

export { inSeconds } from '#kit/http/iso-time.ts'

/** '2022-01-01T00:00:00.000000', UTC without saying so. */
export function inMicroseconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000`
}

export function orNull(format: (ms: number) => string, ms: number | null): string | null {
  return ms === null ? null : format(ms)
}
