import { Registry, collectDefaultMetrics } from 'prom-client'

export { Counter, Gauge, Histogram } from 'prom-client'
export type Metrics = { readonly registry: Registry; readonly contentType: string; text(): Promise<string> }

/** The metrics of one process, in a registry of its own: Node's own figures, and what the process adds with `registers: [registry]`. */
export function openMetrics(labels: { readonly process: string }): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels(labels)
  collectDefaultMetrics({ register: registry })
  return { registry, contentType: registry.contentType, text: () => registry.metrics() }
}
