#!/usr/bin/python3
"""Clients of Cloudflare's DNS API in Python, from Debian, against graycloud-api.

usage: clients.py cloudflare|lexicon|libcloud BASE_URL TOKEN   prints "ok TEXT" or "not ok TEXT" for each check.
"""
import sys
import urllib.parse

library, base, token = sys.argv[1:4]


def same(got, wanted, text):
    print('ok ' + text if got == wanted else 'not ok %s # %r is not %r' % (text, got, wanted), flush=True)


def python_cloudflare():
    import CloudFlare

    client = CloudFlare.CloudFlare(token=token, base_url=base)
    zones = client.zones.get(params={'name': 'example.com'})
    same([zone['name'] for zone in zones], ['example.com'], 'a zone by its name')
    records = client.zones.dns_records
    made = records.post(zones[0]['id'], data={'type': 'A', 'name': 'py', 'content': '192.0.2.1', 'ttl': 120})
    same([made['name'], made['ttl']], ['py.example.com', 120], 'a record is created')
    same(records.patch(zones[0]['id'], made['id'], data={'content': '192.0.2.2'})['id'], made['id'], 'and changed')
    same(records.put(zones[0]['id'], made['id'], data={'type': 'A', 'name': 'py', 'content': '192.0.2.3', 'ttl': 1})['content'], '192.0.2.3', 'and replaced')
    same([one['id'] for one in records.get(zones[0]['id'], params={'name': 'py.example.com'})], [made['id']], 'and listed')
    try:
        records.post(zones[0]['id'], data={'type': 'A', 'name': 'py', 'content': '192.0.2.3', 'ttl': 1})
        same('created', 'refused', 'an identical record')
    except CloudFlare.exceptions.CloudFlareAPIError as error:
        same(int(error), 81057, 'an identical record is refused')
    same(records.delete(zones[0]['id'], made['id'])['id'], made['id'], 'and deleted')
    text = client.zones.dns_records.export.get(zones[0]['id'])
    same('SOA' in text, True, 'the zone is exported')
    same(client.accounts.load_balancers.pools.get(client.accounts.get()[0]['id']) if hasattr(client.accounts, 'load_balancers') else [], [], 'pools are listed')
    same(client.user.load_balancers.monitors.get(), [], 'by the older paths, too')


def lexicon():
    from lexicon.client import Client
    from lexicon.config import ConfigResolver

    def run(action, **options):
        settings = {'provider_name': 'cloudflare', 'action': action, 'domain': 'example.com', 'cloudflare': {'auth_token': token}}
        settings.update(options)
        client = Client(ConfigResolver().with_dict(settings))
        client.provider.api_endpoint = base
        return client.execute()

    same(run('create', type='TXT', name='lexicon', content='first'), True, 'a record is created')
    same(run('create', type='TXT', name='lexicon', content='first'), True, 'the same again is no fault')
    found = run('list', type='TXT', name='lexicon.example.com')
    same([one['content'] for one in found], ['first'], 'it is listed')
    same(run('update', identifier=found[0]['id'], type='TXT', name='lexicon', content='second'), True, 'and changed')
    same([one['content'] for one in run('list', type='TXT', name='lexicon.example.com')], ['second'], 'to what was wanted')
    same(run('create', type='SSHFP', name='lexicon', content='4 2 ' + 'ab' * 32), True, 'a record with data')
    same(run('delete', type='TXT', name='lexicon'), True, 'and deleted')
    same(run('list', type='TXT', name='lexicon.example.com'), [], 'so that it is gone')


def libcloud():
    from libcloud.dns.providers import get_driver
    from libcloud.dns.types import Provider, RecordType, RecordAlreadyExistsError, ZoneDoesNotExistError

    url = urllib.parse.urlparse(base)
    driver = get_driver(Provider.CLOUDFLARE)('operator@example.com', token, host=url.hostname, port=url.port, secure=False)
    zones = {zone.domain: zone for zone in driver.list_zones()}
    same(sorted(zones), ['example.com', 'example.net'], 'zones are listed, by e-mail and key')
    zone = zones['example.com']
    record = driver.create_record('libcloud', zone, RecordType.A, '192.0.2.1', {'ttl': 120})
    same([record.name, record.data, record.ttl], ['libcloud', '192.0.2.1', 120], 'a record is created')
    changed = driver.update_record(record, data='192.0.2.2')
    same([changed.id, changed.data], [record.id, '192.0.2.2'], 'and changed')
    same(driver.get_record(zone.id, record.id).data, '192.0.2.2', 'and read')
    same(len([one for one in driver.iterate_records(zone) if one.id == record.id]), 1, 'and listed')
    try:
        driver.create_record('libcloud', zone, RecordType.A, '192.0.2.2', {'ttl': 120})
        same('created', 'refused', 'an identical record')
    except RecordAlreadyExistsError:
        same(True, True, 'an identical record is known as such')
    same(driver.delete_record(changed), True, 'and deleted')
    try:
        driver.get_zone('0' * 32)
        same('found', 'missing', 'a zone that is not there')
    except ZoneDoesNotExistError:
        same(True, True, 'a zone that is not there is known as such')


{'cloudflare': python_cloudflare, 'lexicon': lexicon, 'libcloud': libcloud}[library]()
