// The test hosts themselves: whether the program under test could tell them from machines.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, raiseMachines } from './machine.ts'

let lab: Lab
beforeAll(async () => {
  lab = await raiseMachines(['one', 'two'])
})
afterAll(async () => expect(await lab?.dispose()).toEqual([]))

test('have a name, processes, files and devices of their own', async () => {
  const [one, two] = lab.machines
  expect(await one!.text('hostname')).toBe('one\n')
  expect(await two!.text('cat', '/etc/hostname')).toBe('two\n')
  await one!.text('touch', '/etc/openvswitch/mine', '/var/lib/mine', '/run/mine')
  expect((await two!.run('ls', ['/etc/openvswitch/mine', '/var/lib/mine', '/run/mine'])).stdout).toBe('')
  await one!.text('ip', 'netns', 'add', 'qdhcp-1')
  expect(await two!.text('ip', 'netns')).toBe('')
  expect((await one!.text('ip', '-br', 'link')).split('\n').map((line) => line.split(/[ @]/)[0])).toEqual([
    'lo',
    'eth0',
    '',
  ])
  expect(await one!.text('ps', '-e', '-o', 'comm=')).toMatch(/^bash\n(sleep|ps)\n/)
})

test('reach each other by name, and reap what is left to them', async () => {
  const [one] = lab.machines
  const connect = "import socket; s = socket.create_connection(('two', 1), 2)"
  expect((await one!.run('python3', ['-c', connect])).stderr).toContain('Connection refused')
  await one!.text('sh', '-c', 'sh -c "exec true" & exec true')
  expect(await one!.text('ps', '-e', '-o', 'stat=')).not.toContain('Z')
})
