/**
 * What the edge counts, as Prometheus text; no name of a tenant or source among the labels.
 *
 * @module
 */

/** Webhook answers by status. */
export interface Counters {
  webhookAnswered(status: number): void;
  /** Prometheus text; `gauges` are values of this moment. */
  render(gauges: Readonly<Record<string, number>>): string;
}

/** Counters at zero. */
export function createCounters(): Counters {
  const byStatus = new Map<number, number>();
  return {
    webhookAnswered(status) {
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
    },
    render(gauges) {
      const lines = ["# TYPE nexo_edge_webhooks_total counter"];
      for (const [status, count] of byStatus) {
        lines.push(`nexo_edge_webhooks_total{status="${status}"} ${count}`);
      }
      for (const [name, value] of Object.entries(gauges)) {
        lines.push(`# TYPE nexo_edge_${name} gauge`, `nexo_edge_${name} ${value}`);
      }
      return `${lines.join("\n")}\n`;
    },
  };
}
