// Programs run for real, where what they leave behind could hold us up.
import { expect, it } from 'vitest'
import { realProcesses } from './real-processes.ts'

it('gives up on a program in time though one that it started holds its output open', async () => {
  const ran = realProcesses.run('sh', ['-c', 'sleep 20 & wait'], { timeoutMs: 100 })
  await expect(ran).rejects.toMatchObject({ kind: 'timeout' })
})
