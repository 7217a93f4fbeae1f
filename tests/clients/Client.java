import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;

/** Sends the requests of a table by java.net.http, on kept connections: {@code java Client.java TABLE}. */
class Client {
    private static final byte[] PIECE = new byte[65_536];

    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    private static int sent = 0;

    private record Request(String name, String method, URI url, String headers, int size, boolean chunked,
            boolean expect, int pause, int status, int repeat) {
        static Request parse(String line) {
            String[] column = line.split("\t");
            return new Request(column[0], column[1], URI.create(column[2]), column[3], Integer.parseInt(column[4]),
                    column[5].equals("chunked"), column[6].equals("yes"), Integer.parseInt(column[7]),
                    Integer.parseInt(column[8]), Integer.parseInt(column[9]));
        }

        BodyPublisher body() {
            // A publisher of an iterator's pieces has no length, so that the body is chunked.
            BodyPublisher pieces = BodyPublishers.ofByteArrays(() -> new Pieces(size, pause));
            if (chunked) {
                return pieces;
            }
            return size == 0 ? BodyPublishers.noBody() : BodyPublishers.fromPublisher(pieces, size);
        }

        /** Returns the reason of a lost answer, or null. */
        String send() throws InterruptedException {
            HttpRequest.Builder request = HttpRequest.newBuilder(url).method(method, body()).expectContinue(expect)
                    .timeout(Duration.ofSeconds(30));
            for (String header : headers.isEmpty() ? new String[0] : headers.split("\\|")) {
                request.header(header.split(": ", 2)[0], header.split(": ", 2)[1]);
            }
            try {
                int answered = CLIENT.send(request.build(), BodyHandlers.discarding()).statusCode();
                return answered == status ? null : "status " + answered;
            } catch (IOException error) {
                return error.toString();
            }
        }
    }

    private static class Pieces implements Iterator<byte[]> {
        private int left;
        private int pause;

        Pieces(int size, int pause) {
            this.left = size;
            this.pause = pause;
        }

        @Override
        public boolean hasNext() {
            return left > 0;
        }

        @Override
        public byte[] next() {
            try {
                Thread.sleep(pause);
            } catch (InterruptedException error) {
                throw new IllegalStateException(error);
            }
            byte[] piece = left < PIECE.length ? Arrays.copyOf(PIECE, left) : PIECE;
            left -= piece.length;
            return piece;
        }
    }

    private static void attempt(String name, String what, Request request) throws InterruptedException {
        sent++;
        String why = request.send();
        if (why != null) {
            System.out.println("lost\t" + name + "\t" + what + "\t" + why);
        }
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<String> table = Files.readAllLines(Path.of(arguments[0]));
        Request next = Request.parse(table.get(0));
        for (String line : table.subList(1, table.size())) {
            Request request = Request.parse(line);
            for (int i = 0; i < request.repeat; i++) {
                attempt(request.name, "answer", request);
                attempt(request.name, "next", next);
            }
        }
        System.out.println("sent\t" + sent);
    }
}
