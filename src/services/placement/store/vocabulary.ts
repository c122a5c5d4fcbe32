// SQL of custom resource classes and traits.
import type { Db } from '#kit/db/database.ts'
import { resourceClass, trait } from '../resources/vocabulary.ts'

export const listClasses = async (db: Db) =>
  (await resourceClass.find(db, {}, { orderBy: [['name', 'asc']] })).map((row) => row.name)
export const findClass = (db: Db, name: string) => resourceClass.get(db, name)
/** Those of `names` that are there. */
export const classesAmong = async (db: Db, names: readonly string[]) =>
  (await resourceClass.find(db, { name: names })).map((row) => row.name)
export const addClass = (db: Db, name: string, createdAt: number) =>
  resourceClass.insertIfAbsent(db, { name, createdAt })
export const renameClass = (db: Db, name: string, to: string) =>
  resourceClass.update(db, { name }, { name: to })
export const deleteClass = (db: Db, name: string) => resourceClass.delete(db, { name })

export const listTraits = async (db: Db) =>
  (await trait.find(db, {}, { orderBy: [['name', 'asc']] })).map((row) => row.name)
export const findTrait = (db: Db, name: string) => trait.get(db, name)
/** Those of `names` that are there. */
export const traitsAmong = async (db: Db, names: readonly string[]) =>
  (await trait.find(db, { name: names })).map((row) => row.name)
export const addTrait = (db: Db, name: string, createdAt: number) =>
  trait.insertIfAbsent(db, { name, createdAt })
export const deleteTrait = (db: Db, name: string) => trait.delete(db, { name })
