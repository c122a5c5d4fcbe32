// Options of the metadata service.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const metadataConfig = section('metadata', {
  serviceMetadataProxy: option.bool(
    true,
    'Believe the metadata agents when they say which server asks; without it nobody is answered',
  ),
  metadataProxySharedSecret: option.secret(
    '',
    "What metadata agents sign requests with; empty takes the cloud's own, made at its first start",
  ),
  metadataCacheExpiration: option.duration('5s', 'How long what is known of a server is kept'),
  dhcpDomain: option.text('novalocal', "The domain behind a server's hostname; empty for none"),
})
export type MetadataConfig = ConfigOf<typeof metadataConfig>
