// The row that projects and domains share: what a request makes of it, and of the one that was there.
import type { Identity } from '../app.ts'
import type { NewProject, Project, ProjectChange } from '../resources/project.ts'
import { mergeOptions } from './change.ts'

type Given = Pick<NewProject, 'description' | 'enabled' | 'tags' | 'options' | 'extra'> & { name: string }

export function newRow(
  { world }: Pick<Identity, 'world'>,
  given: Given,
  place: Pick<Project, 'id' | 'domainId' | 'parentId' | 'isDomain'>,
): Project {
  return {
    ...place,
    name: given.name,
    description: given.description ?? '',
    enabled: given.enabled ?? true,
    tags: given.tags ?? [],
    options: mergeOptions({}, given.options),
    extra: given.extra,
    createdAt: world.clock.now(),
  }
}

/** A description given as null is taken away; what isn't named stays. */
export function changedRow(
  row: Project,
  given: Pick<ProjectChange, 'name' | 'description' | 'enabled' | 'tags' | 'options' | 'extra'>,
): Project {
  return {
    ...row,
    name: given.name ?? row.name,
    description: given.description === undefined ? row.description : given.description,
    enabled: given.enabled ?? row.enabled,
    tags: given.tags ?? row.tags,
    options: mergeOptions(row.options, given.options),
    extra: { ...row.extra, ...given.extra },
  }
}
