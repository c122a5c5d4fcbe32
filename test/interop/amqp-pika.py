# Run by amqp-pika.test.ts with a URL: one JSON object of what pika saw.
import json
import sys

import pika

connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
seen = {}

channel = connection.channel()
channel.confirm_delivery()
channel.queue_declare('tasks', durable=True)
persistent = pika.BasicProperties(delivery_mode=2, headers={'number': 5, 'nested': {'ok': True}}, content_type='text/plain')
for number in range(30):
    channel.basic_publish('', 'tasks', str(number).encode(), persistent)
seen['confirmed'] = channel.queue_declare('tasks', passive=True).method.message_count

try:
    channel.basic_publish('amq.topic', 'no.where', b'lost', mandatory=True)
except pika.exceptions.UnroutableError as error:
    seen['returned'] = [m.method.reply_code for m in error.messages]

channel.basic_qos(prefetch_count=4)
got = []
held = []
most = 0
for method, properties, body in channel.consume('tasks', inactivity_timeout=10):
    if method is None:
        break
    got.append(body.decode())
    held.append(method.delivery_tag)
    most = max(most, len(held) + channel.get_waiting_message_count())
    if len(held) == 4 or len(got) == 30:
        channel.basic_ack(held[-1], multiple=True)
        held = []
    if len(got) == 30:
        break
channel.cancel()
seen['consumed'] = got
seen['most'] = most
seen['headers'] = properties.headers

name = channel.queue_declare('', exclusive=True).method.queue
seen['server_named'] = name.startswith('amq.gen-')
channel.basic_publish('', name, b'one')
method, _, body = channel.basic_get(name)
channel.basic_reject(method.delivery_tag, requeue=True)
again, _, body = channel.basic_get(name, auto_ack=True)
seen['redelivered'] = [method.redelivered, again.redelivered, body.decode()]
seen['empty'] = channel.basic_get(name)[0] is None

second = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
try:
    second.channel().queue_declare(name, passive=True)
except pika.exceptions.ChannelClosedByBroker as error:
    seen['locked'] = error.reply_code
second.close()

try:
    connection.channel().exchange_declare('strange', 'no-such-type')
except pika.exceptions.ChannelClosedByBroker as error:
    seen['unknown_type'] = error.reply_code

connection.process_data_events(0)
connection.close()
print(json.dumps(seen))
