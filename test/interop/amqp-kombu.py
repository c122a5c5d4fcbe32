# Run by amqp-kombu.test.ts with a URL: one JSON object of what kombu saw, on py-amqp, as oslo.messaging uses them.
import json
import socket
import sys

import kombu
from kombu.pools import producers

dead = 'amqp://client:wrong@127.0.0.1:1//'
connection = kombu.Connection(
    f'{dead};{sys.argv[1]}', failover_strategy='round-robin', login_method='AMQPLAIN', heartbeat=60,
    transport_options={'confirm_publish': True, 'client_properties': {'connection_name': 'nova-compute'}},
)
connection.ensure_connection(max_retries=3, interval_start=0)
seen = {}
server = connection.connection.server_properties
seen['capabilities'] = [
    name for name in ('publisher_confirms', 'consumer_cancel_notify', 'connection.blocked', 'basic.nack')
    if server['capabilities'].get(name)
]
# With other products kombu asks for prefetch counts in a way that RabbitMQ reads differently.
seen['qos_as_rabbitmq'] = not connection.transport.qos_semantics_matches_spec(connection.connection)

topic = kombu.Exchange('nova', 'topic', durable=False)
server_queue = kombu.Queue('compute.host1', topic, 'compute.host1', durable=False, auto_delete=True)
reply_queue = kombu.Queue('reply_1', kombu.Exchange(''), 'reply_1', durable=False, expires=1800, max_priority=3)
answers = []


def asked(body, message):
    with producers[connection].acquire(block=True) as producer:
        producer.publish({'result': body['args'] * 2}, routing_key=message.headers['reply'], mandatory=True)
    message.ack()


def answered(body, message):
    answers.append(body['result'])
    message.ack()


with connection.channel() as channel, connection.channel() as other:
    with kombu.Consumer(channel, [server_queue], callbacks=[asked], prefetch_count=2), \
            kombu.Consumer(other, [reply_queue], callbacks=[answered]):
        with producers[connection].acquire(block=True) as producer:
            for number in range(5):
                producer.publish({'args': number}, exchange=topic, routing_key='compute.host1',
                                 headers={'reply': 'reply_1'}, declare=[topic])
        while len(answers) < 5:
            connection.drain_events(timeout=20)
seen['answers'] = answers

urgent = connection.SimpleQueue(kombu.Queue('urgent', kombu.Exchange('urgent'), 'urgent', max_priority=9))
for priority in (1, 9, 5):
    urgent.put(priority, priority=priority)
seen['by_priority'] = [urgent.get(timeout=20).payload for _ in range(3)]
urgent.close()
connection.default_channel.queue_delete('urgent')

try:
    connection.channel().queue_declare('nowhere', passive=True)
except connection.channel_errors as error:
    seen['missing'] = error.code

# Nothing is left over, and the connection is alive.
connection.heartbeat_check()
try:
    connection.drain_events(timeout=0.01)
except socket.timeout:
    seen['quiet'] = True
connection.release()
print(json.dumps(seen))
