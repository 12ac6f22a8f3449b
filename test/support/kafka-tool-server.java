/*
 * Runs Kafka's command-line tools one after the other in one JVM: a new JVM each takes seconds, most of
 * them its own start. A line in is a main class, its standard input and its arguments, Base64 with
 * blanks between ('-' for nothing); a line out is the exit code, standard output and standard error.
 *
 * A tool that calls exit stops there: its thread never goes on.
 */
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.common.utils.Exit;

class KafkaToolServer {
    static final int LIMIT_SECONDS = 60;
    static final int HOOK_LIMIT_MS = 5000;
    static final Switched out = new Switched();
    static final Switched err = new Switched();
    /** What a tool wants done when its JVM ends, as a producer that is to be closed. */
    static final List<Runnable> hooks = new CopyOnWriteArrayList<>();
    static volatile BlockingQueue<Integer> ended = new ArrayBlockingQueue<>(16);

    /** Scala's console keeps the stream it finds first, so that one stays and what is behind changes. */
    static class Switched extends OutputStream {
        volatile ByteArrayOutputStream to = new ByteArrayOutputStream();
        @Override public void write(int one) { to.write(one); }
        @Override public void write(byte[] bytes, int from, int length) { to.write(bytes, from, length); }
    }

    public static void main(String[] none) throws Exception {
        PrintStream answers = System.out;
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
        System.setOut(new PrintStream(out, true, "UTF-8"));
        System.setErr(new PrintStream(err, true, "UTF-8"));
        Exit.setExitProcedure((code, message) -> stopHere(code));
        Exit.setHaltProcedure((code, message) -> stopHere(code));
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        for (String line = requests.readLine(); line != null; line = requests.readLine())
            answers.println(answer(Arrays.stream(line.split(" ")).map(KafkaToolServer::decode)
                .toArray(String[]::new)));
    }

    static String answer(String[] words) throws Exception {
        out.to = new ByteArrayOutputStream();
        err.to = new ByteArrayOutputStream();
        BlockingQueue<Integer> mine = new ArrayBlockingQueue<>(16);
        ended = mine;
        System.setIn(new ByteArrayInputStream(words[1].getBytes("UTF-8")));
        String[] args = Arrays.copyOfRange(words, 2, words.length);
        Thread thread = new Thread(() -> run(words[0], args, mine));
        thread.setDaemon(true);
        thread.start();
        Integer code = mine.poll(LIMIT_SECONDS, TimeUnit.SECONDS);
        System.out.flush();
        System.err.flush();
        return (code == null ? -1 : code) + " " + encode(out.to) + " " + encode(err.to);
    }

    static void run(String tool, String[] args, BlockingQueue<Integer> mine) {
        int code = 0;
        try {
            Class.forName(tool).getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException thrown) {
            thrown.getCause().printStackTrace();
            code = 1;
        } catch (ReflectiveOperationException absent) {
            absent.printStackTrace();
            code = -1;
        }
        runHooks();
        mine.offer(code);
    }

    static void runHooks() {
        List<Runnable> now = List.copyOf(hooks);
        hooks.clear();
        for (Runnable hook : now) {
            Thread thread = new Thread(hook);
            thread.setDaemon(true);
            thread.start();
            try {
                thread.join(HOOK_LIMIT_MS);
            } catch (InterruptedException none) {
                return;
            }
        }
    }

    static void stopHere(int code) {
        runHooks();
        ended.offer(code);
        while (true) LockSupport.park();
    }

    static String decode(String word) {
        return word.equals("-") ? "" : new String(Base64.getDecoder().decode(word));
    }

    static String encode(ByteArrayOutputStream bytes) {
        return bytes.size() == 0 ? "-" : Base64.getEncoder().encodeToString(bytes.toByteArray());
    }
}
