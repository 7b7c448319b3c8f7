// Goes wrong in the way that its argument names.
package main

import (
	"fmt"
	"os"
)

type thing struct{ size int }

func (t *thing) measure() int { return t.size }

func take(cells []int, at int) int { return cells[at] }

func main() {
	switch os.Args[1] {
	case "index":
		fmt.Println(take([]int{1, 2, 3}, len(os.Args)+5))
	case "nil":
		var none *thing
		fmt.Println(none.measure())
	case "panic":
		panic("enough")
	}
}
