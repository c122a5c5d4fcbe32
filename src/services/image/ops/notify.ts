// What image tells the rest of the cloud: image.create, image.upload, image.update, image.delete.
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { ImageContext } from '../app.ts'
import { imageView, type WholeImage } from '../resources/image.ts'

/** A notification that can't be sent must not fail what was done; it is logged. */
export function notify(
  context: Pick<ImageContext, 'app' | 'trace' | 'log'>,
  eventType: string,
  image: WholeImage,
): void {
  const { bus, world } = context.app
  const sent = bus.notify(context.trace, {
    eventType,
    publisherId: `image.${world.host.name}`,
    priority: 'info',
    payload: imageView(image),
  })
  void sent.catch((error) =>
    context.log.warn(
      { eventType, imageId: image.id, error: fullMessage(error) },
      'a notification was not sent',
    ),
  )
}
