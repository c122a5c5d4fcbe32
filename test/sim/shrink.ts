// Which faults a failing run needs: the shortest prefix of its plan that still fails, then each of those left out alone.

export type Shrunk = { keep: number[]; runs: number }

/**
 * `fails` runs with nothing but the given faults. What comes after a fault that is left out goes another way, so a shorter
 * plan may pass where a still shorter one fails: what comes back fails, but it need not be the smallest of all.
 */
export async function shrinkFaults(
  all: readonly number[],
  fails: (keep: readonly number[]) => Promise<boolean>,
): Promise<Shrunk> {
  let runs = 0
  const stillFails = (keep: readonly number[]) => {
    runs++
    return fails(keep)
  }
  if (await stillFails([])) return { keep: [], runs }
  // Without any it passes, with `failing` of them it fails.
  let passing = 0
  let failing = all.length
  while (failing - passing > 1) {
    const middle = Math.floor((passing + failing) / 2)
    if (await stillFails(all.slice(0, middle))) failing = middle
    else passing = middle
  }
  let keep = all.slice(0, failing)
  // The last one is needed: without it the run passed.
  for (const index of keep.slice(0, -1).reverse()) {
    const without = keep.filter((each) => each !== index)
    if (await stillFails(without)) keep = without
  }
  return { keep: [...keep], runs }
}
