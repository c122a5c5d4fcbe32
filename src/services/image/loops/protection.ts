// Removes: a difference between the file of property protections and what is in force.
import type { Loop } from '#kit/loop/loop.ts'
import type { ImageApp } from '../app.ts'

export const protectionLoop = ({ protections }: ImageApp): Loop => ({
  name: 'image-protection',
  everyMs: 2_000,
  run: () => protections.look(),
})
