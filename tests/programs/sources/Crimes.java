/** Goes wrong in the way that its argument names. */
public class Crimes {
    static int measure(String text) {
        return text.length();
    }

    static int descend(int depth) {
        return descend(depth + 1) + 1;
    }

    static void commit(String name) {
        switch (name) {
            case "null": measure(null); break;
            case "descend": descend(0); break;
            case "parse": Integer.parseInt("seven"); break;
            default: System.out.println("done");
        }
    }

    public static void main(String[] words) {
        commit(words.length > 0 ? words[0] : "");
    }
}
