/* words: what shopdb writes into its rows. */
#ifndef DBSNAPFS_BENCH_WORDS_H
#define DBSNAPFS_BENCH_WORDS_H

/* By falling frequency: a word's rank decides how often it is drawn. */
/* clang-format off */
static const char *const words[] = {
    "the", "and", "a", "to", "of", "it", "is", "for", "in", "this", "was", "with", "but", "on",
    "very", "not", "my", "have", "as", "that", "good", "so", "are", "you", "they", "one", "great",
    "when", "after", "would", "product", "quality", "well", "price", "from", "bought", "use",
    "just", "like", "had", "be", "all", "really", "these", "can", "at", "than", "more", "time",
    "only", "out", "which", "nice", "if", "delivery", "box", "day", "arrived", "small", "perfect",
    "little", "used", "because", "size", "too", "much", "easy", "works", "color", "also", "will",
    "light", "looks", "better", "first", "two", "week", "month", "again", "recommend", "ordered",
    "needed", "still", "even", "before", "packaging", "kitchen", "garden", "material", "solid",
    "strong", "soft", "comfortable", "battery", "cheap", "expensive", "worth", "money", "gift",
    "daughter", "husband", "wife", "friend", "birthday", "returned", "service", "customer",
    "replacement", "broken", "scratch", "wooden", "steel", "cotton", "leather", "plastic", "handle",
    "cover", "cable", "charger", "screen", "bottle", "coffee", "water", "winter", "summer",
    "running", "walking", "hiking", "camera", "travel", "pocket", "zipper", "lining", "button",
    "sleeve", "collar", "washing", "machine", "temperature", "instructions", "assembly", "screws",
    "shelf", "drawer", "cushion", "mattress", "blanket", "curtain", "lamp", "bright", "quiet",
    "noise", "motor", "blade", "sharp", "knife", "spoon", "bowl", "plate", "ceramic", "glass",
    "stainless", "rust", "weather", "waterproof", "durable", "warranty", "manual", "surprised",
    "disappointed", "satisfied", "delighted", "excellent", "terrible", "average", "exactly",
    "described", "picture", "photograph", "advertised", "expected", "smaller", "larger", "heavier",
    "lighter", "thinner", "thicker", "warmer", "cooler", "previous", "version", "model", "brand",
    "company", "store", "website", "checkout", "shipping", "courier", "neighbour", "doorstep",
    "afternoon", "morning", "evening", "yesterday", "beautiful", "elegant", "practical", "compact",
    "portable", "adjustable", "removable", "washable", "breathable", "flexible", "reliable",
    "stable", "wobbly", "crooked", "leaking", "cracked", "missing", "damaged", "refund", "exchange",
    "promptly", "immediately", "eventually", "unfortunately", "absolutely", "definitely",
    "probably", "certainly", "somewhat", "extremely", "remarkably", "surprisingly",
};
/* clang-format on */
static const char *const first_names[] = {
    "anna",   "ben",   "carla",  "david",  "elena", "felix", "grace", "hugo",    "irina",
    "jonas",  "keiko", "liam",   "maria",  "noah",  "olga",  "pablo", "quentin", "rosa",
    "samuel", "tanja", "ursula", "viktor", "wendy", "xaver", "yuki",  "zoe"};
static const char *const last_names[] = {
    "andersson", "brown",  "costa",    "dubois", "evans", "fischer", "garcia", "hansen",
    "ito",       "jensen", "kowalski", "lopez",  "meyer", "novak",   "okafor", "petrov",
    "quinn",     "rossi",  "smith",    "tanaka", "ueda",  "vogel",   "weber",  "young"};
static const char *const mail_hosts[] = {"gmail.example", "outlook.example", "mail.example.org",
                                         "post.example.net", "web.example.de"};
static const char *const cities[] = {"Amsterdam", "Berlin", "Chicago", "Dublin",   "Edinburgh",
                                     "Firenze",   "Gdansk", "Hamburg", "Istanbul", "Jakarta",
                                     "Kyoto",     "Lisboa", "Madrid",  "Nairobi",  "Oslo",
                                     "Praha",     "Quito",  "Roma",    "Sydney",   "Toronto"};
static const char *const kinds[] = {"view",        "view",  "view",     "search",  "cart.add",
                                    "cart.remove", "login", "checkout", "wishlist"};
static const char *const agents[] = {"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0",
                                     "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Safari/604.1",
                                     "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0",
                                     "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile"};
static const char *const states[] = {"new", "paid", "packed", "shipped", "delivered", "returned"};

#endif
