/* What this processor can do: a library of its own, in the oldest instructions, that runs everywhere. */

#ifdef _WIN32
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

#ifdef __x86_64__
#include <cpuid.h>

/* The registers that the system saves for a process: of AVX, and of AVX-512. */
enum { SAVED = 0x06, SAVED_512 = 0xe6 };
#endif

/* The level of x86-64 as its ABI counts them, by all that a compiler takes from a level: 2, 3 or 4. Nobody has less,
   for jaxlib needs AVX. 0: another architecture. */
EXPORTED int gatecast_level(void) {
#ifdef __x86_64__
    const unsigned of_3 = bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C;
    const unsigned more_of_3 = bit_BMI | bit_AVX2 | bit_BMI2;
    const unsigned of_4 = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
    const unsigned leading_zeros = 1u << 5;
    unsigned a, b, c, d, saved, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & of_3) != of_3) return 2;
    if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & leading_zeros)) return 2;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & more_of_3) != more_of_3) return 2;
    __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if ((saved & SAVED) != SAVED) return 2;
    return (b & of_4) == of_4 && (saved & SAVED_512) == SAVED_512 ? 4 : 3;
#else
    return 0;
#endif
}
