// Decisions about sharing: the owner offers, the other project accepts or rejects.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ImageContext } from '../app.ts'
import { imageTarget, type WholeImage } from '../resources/image.ts'
import { type ImageMember, type MemberStatus, memberRules } from '../resources/member.ts'
import * as store from '../store/member.ts'
import { isAdmin } from './admin.ts'
import { noSuchImage, visibleImage } from './image.ts'

export async function addMember(
  context: ImageContext,
  imageId: string,
  memberId: string,
): Promise<ImageMember> {
  const { image } = await sharedImage(context, imageId)
  context.authorize(memberRules.add, imageTarget(image))
  const { db, world, config } = context.app
  return db.transaction(async (tx) => {
    if ((await store.countMembers(tx, imageId)) >= config.maxMembers) {
      throw new CloudError(
        'tooLarge',
        `The limit has been exceeded on the number of allowed image members for this image. Maximum: ${config.maxMembers}`,
      )
    }
    const now = world.clock.now()
    const row: ImageMember = { imageId, memberId, status: 'pending', createdAt: now, updatedAt: now }
    if (!(await store.insertMember(tx, row)))
      throw new CloudError('conflict', `Member ${memberId} is duplicated for image ${imageId}`)
    return row
  })
}

export async function listMembers(context: ImageContext, imageId: string): Promise<ImageMember[]> {
  const { image, target } = await sharedImage(context, imageId)
  context.authorize(memberRules.list, target)
  const members = await store.listMembers(context.app.db, imageId)
  if (isOwner(context, image)) return members
  // Others with whom it is shared are no business of a member.
  return members.filter((member) => member.memberId === context.caller.projectId)
}

export async function getMember(
  context: ImageContext,
  imageId: string,
  memberId: string,
): Promise<ImageMember> {
  const { image } = await sharedImage(context, imageId)
  const member = await store.findMember(context.app.db, imageId, memberId)
  if (!member || !context.allows(memberRules.get, imageTarget(image, memberId))) {
    throw new CloudError('notFound', `Image member not found: ${memberId}`)
  }
  return member
}

export async function setMemberStatus(
  context: ImageContext,
  imageId: string,
  memberId: string,
  status: MemberStatus,
): Promise<ImageMember> {
  const member = await getMember(context, imageId, memberId)
  context.authorize(memberRules.modify, { member_id: memberId })
  const change = { status, updatedAt: context.app.world.clock.now() }
  await store.updateMember(context.app.db, imageId, memberId, change)
  return { ...member, ...change }
}

export async function deleteMember(context: ImageContext, imageId: string, memberId: string): Promise<void> {
  const { image } = await sharedImage(context, imageId)
  context.authorize(memberRules.delete, imageTarget(image))
  if ((await store.deleteMember(context.app.db, imageId, memberId)) === 0)
    throw new CloudError('notFound', `Image member not found: ${memberId}`)
}

async function sharedImage(context: ImageContext, imageId: string): ReturnType<typeof visibleImage> {
  const found = await visibleImage(context, imageId)
  const { image } = found
  if (image.visibility === 'shared') return found
  if (isOwner(context, image)) throw new CloudError('forbidden', 'Only shared images have members.')
  throw noSuchImage(imageId)
}

function isOwner(context: ImageContext, image: WholeImage): boolean {
  return isAdmin(context) || image.owner === context.caller.projectId
}
