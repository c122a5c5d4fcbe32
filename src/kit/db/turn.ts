// Who met others' locks again and again gets the database for himself, as far as this process goes: transactions that keep
// each other from ending would else go on so until all of them give up.

export type Turns = {
  /** Resolves when the caller may go on: beside others, or alone. He calls what he gets when he is done. */
  take(alone: boolean): Promise<() => void>
}

export function openTurns(): Turns {
  let beside = 0
  let alone = false
  const queue: { alone: boolean; go(): void }[] = []

  /** In the order in which they came: who wants to be alone is not overtaken for ever. */
  const admit = () => {
    for (;;) {
      const next = queue[0]
      if (!next || alone || (next.alone && beside > 0)) return
      queue.shift()
      if (next.alone) alone = true
      else beside++
      next.go()
    }
  }
  return {
    async take(wantsAlone) {
      await new Promise<void>((go) => {
        queue.push({ alone: wantsAlone, go })
        admit()
      })
      return () => {
        if (wantsAlone) alone = false
        else beside--
        admit()
      }
    },
  }
}
