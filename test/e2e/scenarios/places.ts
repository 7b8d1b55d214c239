/** Ports and addresses that both hosts of a stand know, beside those of the lab. */

export const PORT = { tcp: 7700, ws: 7780, nearForward: 15_000, nearProxy: 1_080, farApplication: 16_000 } as const

/** On the far host, and known to no router: who arrives there has come through the sidecars. */
export const FAR_NETWORK = '10.88.0.0/24'
