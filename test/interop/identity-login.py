# Stock keystoneauth and keystoneclient log in where the openstack command cannot be told to: with a receipt, and with
# requests that an EC2 key has signed. Prints one line of JSON for each step.
import datetime
import hashlib
import json
import sys

from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3
from keystoneclient.contrib.ec2.utils import Ec2Signer

given = json.load(sys.stdin)
url = given['url']
user = {'username': given['user'], 'user_domain_name': 'Default'}
scope = {'project_name': 'admin', 'project_domain_name': 'Default'}


def tell(step, **facts):
    print(json.dumps({'step': step, **facts}))


def log_in(step, *methods):
    try:
        access = v3.Auth(url, list(methods), **scope).get_access(session.Session())
        tell(step, user=access.username, project=access.project_name)
    except exceptions.auth.MissingAuthMethods as missing:
        tell(step, methods=missing.methods, required=missing.required_auth_methods)
        return missing.receipt
    except exceptions.Unauthorized as refused:
        tell(step, status=refused.http_status)


password = v3.PasswordMethod(password=given['password'], **user)
passcode = v3.TOTPMethod(passcode=given['passcode'], **user)
receipt = log_in('password', password)
log_in('receipt, wrong passcode', v3.ReceiptMethod(receipt=receipt), v3.TOTPMethod(passcode='000000', **user))
log_in('receipt, passcode', v3.ReceiptMethod(receipt=receipt), passcode)
log_in('receipt again', v3.ReceiptMethod(receipt=receipt), passcode)

admin = session.Session(auth=v3.Password(url, username='admin', password=given['admin'], user_domain_name='Default', **scope))
key = admin.post(f'{url}/users/{admin.get_user_id()}/credentials/OS-EC2', json={'tenant_id': admin.get_project_id()})
key = key.json()['credential']
now = datetime.datetime.now(datetime.timezone.utc)
stamp = now.strftime('%Y%m%dT%H%M%SZ')
credential = f"{key['access']}/{stamp[:8]}/region/ec2/aws4_request"
head = f'AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature='
signed = {
    2: {
        'params': {
            'Action': 'DescribeInstances',
            'SignatureVersion': '2',
            'SignatureMethod': 'HmacSHA256',
            'AWSAccessKeyId': key['access'],
            'Timestamp': now.strftime('%Y-%m-%dT%H:%M:%SZ'),
        },
        'headers': {},
    },
    4: {
        'params': {'Action': 'DescribeInstances'},
        'headers': {'Host': 'ec2.example.com', 'X-Amz-Date': stamp, 'Authorization': head + 'x'},
        'body_hash': hashlib.sha256(b'').hexdigest(),
    },
}
for version, request in signed.items():
    request.update(access=key['access'], verb='GET', host='ec2.example.com', path='/')
    signature = Ec2Signer(key['secret']).generate(dict(request))
    if version == 4:
        request['headers']['Authorization'] = head + signature
    for step, sent in (('right', signature), ('wrong', signature[:-2] + 'AA')):
        answer = admin.post(f'{url}/ec2tokens', json={'credentials': {**request, 'signature': sent}}, raise_exc=False)
        name = answer.json()['token']['project']['name'] if answer.ok else None
        tell(f'EC2 version {version}, {step}', status=answer.status_code, project=name)
