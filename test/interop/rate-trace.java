/*
 * Prints what Kafka's own Rate and TokenBucket say over a made-up load, one JSON line per step:
 * `java -cp '/opt/kafka/libs/*' test/interop/rate-trace.java > test/golden-data/quota-rates.jsonl`.
 */
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.metrics.MetricConfig;
import org.apache.kafka.common.metrics.Quota;
import org.apache.kafka.common.metrics.stats.Rate;
import org.apache.kafka.common.metrics.stats.TokenBucket;

class RateTrace {
    public static void main(String[] args) {
        long[][] shapes = {{11, 1000}, {2, 1000}, {3, 5000}};
        long[] pauses = {0, 1, 7, 130, 400, 999, 1000, 1001, 2500, 12000, 30000};
        for (long[] shape : shapes) {
            MetricConfig config = new MetricConfig()
                .samples((int) shape[0]).timeWindow(shape[1], TimeUnit.MILLISECONDS)
                .quota(new Quota(100, true));
            Rate rate = new Rate();
            TokenBucket bucket = new TokenBucket();
            Random random = new Random(shape[0] * 31 + shape[1]);
            long now = 1_000_000;
            for (int step = 0; step < 250; step++) {
                now += pauses[random.nextInt(step % 50 < 40 ? 7 : pauses.length)];
                double value = random.nextInt(5) == 0 ? 0 : random.nextInt(4000);
                rate.record(config, value, now);
                bucket.record(config, value / 20, now);
                double measured = rate.measure(config, now);
                long window = rate.windowSize(config, now);
                double tokens = bucket.measure(config, now);
                System.out.printf(java.util.Locale.ROOT,
                    "{\"samples\": %d, \"windowMs\": %d, \"nowMs\": %d, \"value\": %s, \"rate\": %s,"
                        + " \"spanMs\": %d, \"tokens\": %s}%n",
                    shape[0], shape[1], now, value, measured, window, tokens);
            }
        }
    }
}
