// Images are whole or not there.
import { compare, type Facts, type Invariant, text } from './fact.ts'

export const image: Invariant = {
  name: 'image',
  says: 'Each active image has its file, and there is no other file; properties, tags and members are of images that are there.',
  *check(facts: Facts) {
    const { image } = facts
    const whole = image.image.filter((each) => each.status === 'active' || each.status === 'deactivated')
    if (facts.imageFiles)
      yield* compare(
        whole.map((each) => text(each, 'id')),
        facts.imageFiles,
        (id) => `image ${id} is active and has no file`,
        (id) => `there is a file ${id} of no active image`,
      )
    const ids = new Set(image.image.map((each) => text(each, 'id')))
    for (const [rows, what] of [
      [image.image_property, 'property'],
      [image.image_tag, 'tag'],
      [image.image_member, 'member'],
    ] as const)
      for (const each of rows)
        if (!ids.has(text(each, 'image_id'))) yield `a ${what} is of image ${each.image_id}, which is gone`
  },
}
