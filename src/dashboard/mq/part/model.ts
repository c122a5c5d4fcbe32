// What the management API tells, as far as the page shows it. Statistics are absent until the broker has sampled them.

export type Rated = { rate: number; samples?: { sample: number; timestamp: number }[] }
export type Stats = {
  publish_details?: Rated
  publish_in_details?: Rated
  publish_out_details?: Rated
  confirm_details?: Rated
  deliver_get_details?: Rated
  ack_details?: Rated
  redeliver_details?: Rated
  return_unroutable_details?: Rated
}
export type Arguments = Record<string, unknown>

export type Overview = {
  cluster_name: string
  node: string
  product_name?: string
  product_version?: string
  rabbitmq_version: string
  /** Our broker says here what it is itself: 'Nimbo 0.1.0 on Node.js …'. */
  erlang_version?: string
  message_stats?: Stats
  queue_totals?: Totals
  object_totals?: Record<'connections' | 'channels' | 'exchanges' | 'queues' | 'consumers', number>
  listeners?: { node: string; protocol: string; ip_address: string; port: number }[]
}
export type Totals = {
  messages?: number
  messages_ready?: number
  messages_unacknowledged?: number
  messages_details?: Rated
  messages_ready_details?: Rated
  messages_unacknowledged_details?: Rated
}
export type ClusterNode = {
  name: string
  running?: boolean
  uptime?: number
  mem_used?: number
  mem_limit?: number
  mem_alarm?: boolean
  disk_free?: number
  disk_free_limit?: number
  disk_free_alarm?: boolean
  fd_used?: number
  fd_total?: number
  sockets_used?: number
  sockets_total?: number
}

export type Connection = {
  name: string
  vhost: string
  user: string
  state?: string
  ssl?: boolean
  ssl_protocol?: string
  protocol?: string
  channels?: number
  auth_mechanism?: string
  connected_at?: number
  timeout?: number
  frame_max?: number
  client_properties?: Arguments
  recv_oct?: number
  send_oct?: number
  recv_oct_details?: Rated
  send_oct_details?: Rated
}
export type Channel = {
  name: string
  vhost: string
  user: string
  number: number
  confirm?: boolean
  transactional?: boolean
  prefetch_count?: number
  global_prefetch_count?: number
  messages_unacknowledged?: number
  messages_unconfirmed?: number
  consumer_count?: number
  state?: string
  connection_details?: { name: string }
  message_stats?: Stats
}
export type Exchange = {
  name: string
  vhost: string
  type: string
  durable: boolean
  auto_delete: boolean
  internal: boolean
  arguments: Arguments
  policy?: string | null
  message_stats?: Stats
}
export type Queue = {
  name: string
  vhost: string
  type?: string
  durable: boolean
  auto_delete: boolean
  exclusive?: boolean
  arguments: Arguments
  policy?: string | null
  operator_policy?: string | null
  effective_policy_definition?: Arguments
  state?: string
  memory?: number
  consumers?: number
  message_bytes?: number
  message_stats?: Stats
  consumer_details?: Consumer[]
} & Totals
export type Consumer = {
  consumer_tag: string
  ack_required: boolean
  prefetch_count: number
  exclusive?: boolean
  active?: boolean
  channel_details?: { name?: string }
}
export type Binding = {
  source: string
  vhost: string
  destination: string
  destination_type: 'queue' | 'exchange'
  routing_key: string
  arguments: Arguments
  properties_key: string
}
export type Got = {
  payload: string
  payload_bytes: number
  payload_encoding: 'string' | 'base64'
  redelivered: boolean
  exchange: string
  routing_key: string
  message_count: number
  properties: Arguments | []
}

export type User = {
  name: string
  tags: string[] | string
  password_hash: string
  limits?: Record<string, number>
}
export type Vhost = {
  name: string
  description?: string
  tags?: string[] | string
  messages?: number
  metadata?: { description?: string; tags?: string[] }
}
export type Permission = { user: string; vhost: string; configure: string; write: string; read: string }
export type TopicPermission = { user: string; vhost: string; exchange: string; write: string; read: string }
export type Policy = {
  vhost: string
  name: string
  pattern: string
  'apply-to': string
  definition: Arguments
  priority: number
}
export type Limits = { vhost?: string; user?: string; value: Record<string, number> }

/** One page of a long list. */
export type Paged<T> = {
  items: T[]
  filtered_count: number
  page: number
  page_count: number
  total_count: number
}

export function tagsOf(tags: string[] | string | undefined): string[] {
  return Array.isArray(tags) ? tags : (tags ?? '').split(',').filter((tag) => tag !== '')
}
