import t from 'tap'
import { type Endpoint, parseEndpoint, type Scheme } from '../../src/base/endpoint.ts'
import { Admission } from '../../src/carrier/admission.ts'
import type { Carrier } from '../../src/carrier/carrier.ts'
import { type DialOptions, dialCarrier } from '../../src/carrier/dial.ts'
import { listen } from '../../src/carrier/listen.ts'
import { memoryPair } from '../../src/carrier/memory.ts'
import { canMark } from '../../src/platform/own-socket.ts'
import { type CarrierKind, carrierSuite } from '../support/carrier-suite.ts'
import { makeCertificates, type TestCertificates } from '../support/certificates.ts'

/** Both ends in this process, over loopback. */
async function socketKind(
  scheme: Scheme,
  certificates: TestCertificates,
  more: DialOptions = {},
): Promise<CarrierKind> {
  const accepted: ((carrier: Carrier) => void)[] = []
  const listener = await listen(endpointOf(`${scheme}://127.0.0.1:0`), {
    tls: certificates,
    admission: new Admission(),
    onCarrier: (carrier, place) => {
      place.release()
      accepted.shift()?.(carrier)
    },
  })
  return {
    scheme,
    connect: async () => {
      const far = new Promise<Carrier>(resolve => accepted.push(resolve))
      const near = await dialCarrier(listener.endpoint, { ca: certificates.ca, ...more })
      return { near, far: await far }
    },
    close: () => listener.close(),
  }
}

function endpointOf(url: string): Endpoint {
  const endpoint = parseEndpoint(url)
  if (endpoint === undefined) throw new Error(`no endpoint: ${url}`)
  return endpoint
}

const certificates = await makeCertificates()

carrierSuite(t, {
  scheme: 'memory',
  connect: async () => {
    const [near, far] = memoryPair({
      addresses: [
        { host: '127.0.0.1', port: 1 },
        { host: '127.0.0.2', port: 2 },
      ],
    }).carriers
    return { near, far }
  },
  close: async () => undefined,
})
for (const scheme of ['tcp', 'ws', 'wss'] as const) carrierSuite(t, await socketKind(scheme, certificates))

// Sockets that were not made by Node are carriers like any others.
const MARK = 1
const marked = canMark(MARK) ? (['tcp', 'ws', 'wss'] as const) : []
for (const scheme of marked) {
  carrierSuite(t, await socketKind(scheme, certificates, { address: '127.0.0.1', mark: MARK }))
}
