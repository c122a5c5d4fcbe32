// SQL of image members.
import type { Db } from '#kit/db/database.ts'
import { type ImageMember, imageMember, type MemberStatus } from '../resources/member.ts'

export const findMember = (db: Db, imageId: string, memberId: string) =>
  imageMember.get(db, { imageId, memberId })
export const listMembers = (db: Db, imageId: string) =>
  imageMember.find(db, { imageId }, { orderBy: [['createdAt', 'asc']] })
export const countMembers = (db: Db, imageId: string) => imageMember.count(db, { imageId })
export const insertMember = (db: Db, row: ImageMember) => imageMember.insertIfAbsent(db, row)
export const updateMember = (db: Db, imageId: string, memberId: string, change: Partial<ImageMember>) =>
  imageMember.update(db, { imageId, memberId }, change)
export const deleteMember = (db: Db, imageId: string, memberId: string) =>
  imageMember.delete(db, { imageId, memberId })

export async function sharedWith(db: Db, memberId: string, status: MemberStatus[]): Promise<string[]> {
  return (await imageMember.find(db, { memberId, status })).map((row) => row.imageId)
}
